"""Every panel's SQL runs as the reader and answers something, whatever is chosen above it."""

import re
from typing import Any

import pytest

from tests.deploy.grafana import page
from tests.deploy.grafana.board import CLICKHOUSE, ROOT, Board, Target, targets, variables
from tests.deploy.grafana.macros import Chosen

pytestmark = pytest.mark.real

SHOWN = re.compile(
    r"String|LowCardinality\(String\)|U?Int(8|16|32|64)|Float64|Decimal\(.*\)|Date|DateTime.*"
)

each_target = pytest.mark.parametrize(
    "target", list(targets(CLICKHOUSE)), ids=lambda target: target.name
)


def choices(target: Target) -> list[dict[str, Chosen]]:
    """Return what is chosen at first, each interval, and last the other end of every variable."""
    used = {
        name: [option["value"] for option in variable.get("options", [])]
        for name, variable in variables(target.dashboard).items()
        if re.search(rf"\$\{{?{name}\b", target.target["rawSql"])
    }
    intervals: list[dict[str, Chosen]] = [{"interval": one} for one in used.pop("interval", [])]
    last: dict[str, Chosen] = {name: options[-1] for name, options in used.items() if options}
    if "site" in used:
        last["site"] = ["shop"]
    return [*(intervals or [{}]), *([last] if last else [])]


@each_target
def test_no_panel_is_empty(board: Board, target: Target) -> None:
    for chosen in choices(target):
        answer = board.answer(target, **chosen)
        assert answer.rows, (target.name, chosen)
        numbers = [value for row in answer.rows for value in row if isinstance(value, int | float)]
        assert not numbers or any(numbers), (target.name, chosen)


@each_target
def test_series_are_in_the_order_of_time(board: Board, target: Target) -> None:
    if target.panel["type"] != "timeseries":
        assert target.target["queryType"] == "table"
        return
    assert target.target["queryType"] == "timeseries"
    answer = board.answer(target)
    assert answer.columns[0] == "time"
    assert answer.column("time") == sorted(answer.column("time"))
    if any(isinstance(value, str) for value in answer.rows[0][1:]):
        # The data source draws text, then one number, as a line for each text.
        assert [isinstance(value, str) for value in answer.rows[0][1:]] == [True, False]


@each_target
def test_columns_are_of_types_that_the_data_source_shows(board: Board, target: Target) -> None:
    """Others, Array and Tuple say, come out as JSON, and no panel draws that."""
    answer = board.answer(target)
    for name, kind in zip(answer.columns, answer.types, strict=True):
        assert SHOWN.fullmatch(kind), f"{name}: {kind}"


def test_a_quote_in_a_name_is_only_a_name(board: Board) -> None:
    names = ["o'clock", "a') OR ('1'='1"]
    assert board.panel("overview", "The range", site=names).column("hits") == [0]
    assert board.panel("email", "Email", campaign=names).column("sent") == [0]
    steps = "/,') OR ('1'='1"
    assert board.panel("conversions", "Funnel in numbers", steps=steps).column("name") == [
        "/", "') OR ('1'='1"
    ]  # fmt: skip


@pytest.mark.parametrize("target", list(targets(CLICKHOUSE)), ids=lambda target: target.name)
def test_what_people_type_is_quoted(target: Target) -> None:
    """Only variables with fixed values stand in SQL as they are."""
    for name, form in re.findall(r"\$\{(\w+)(?::(\w+))?\}", target.target["rawSql"]):
        assert form or variables(target.dashboard)[name]["type"] == "custom", name


def test_variables_have_values(board: Board) -> None:
    for dashboard in ("overview", "acquisition", "conversions", "email", "audiences", "quality"):
        for variable in variables(dashboard).values():
            if variable["type"] == "query":
                assert board.ask(variable["query"]).rows, variable["name"]


def test_the_page_of_panels_is_up_to_date(board: Board, hits: list[dict[str, Any]]) -> None:
    assert (ROOT / page.PAGE).read_text() == page.page(board, hits), "run `make dashboards`"
