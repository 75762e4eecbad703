"""docs/reports.md names the views and columns that there are."""

import re
from pathlib import Path

import pytest

from tests.schemas.views.reports import ALL, DATABASE, Reports

pytestmark = pytest.mark.real

PAGE = (Path(__file__).parents[3] / "docs/reports.md").read_text()
ARGUMENTS = {
    "sessions": ALL,
    "sessions_by_day": ALL,
    "conversions_between": ALL,
    "retention_by_week": ALL,
    "retention_by_day": ALL,
    "attribution": f"{ALL}, lookback_days = 30",
    "attribution_by_channel": f"{ALL}, lookback_days = 30",
    "funnel": f"{ALL}, site = 'shop', steps = ['/'], window_seconds = 60",
}
INTERNAL = {"dead_letter_states"}


def views(reports: Reports) -> set[str]:
    names = reports.text(
        "SELECT name FROM system.tables WHERE engine = 'View' AND database = currentDatabase()"
    )
    return set(names.splitlines()) - INTERNAL


def test_each_view_is_there_and_named(reports: Reports) -> None:
    named = set(re.findall(r"`(\w+)(?:\([\w, ]+\))?`", PAGE))
    assert views(reports) <= named
    taken = dict(re.findall(r"`(\w+)\(([\w, ]+)\)`", PAGE))
    assert {name: sorted(text.split(", ")) for name, text in taken.items()} == {
        name: sorted(re.findall(r"(\w+) =", text)) for name, text in ARGUMENTS.items()
    }


def test_each_column_is_named(reports: Reports) -> None:
    words = set(re.findall(r"\w+", PAGE))
    hit = set(re.findall(r"^(\w+)\t", reports.text("DESCRIBE hits"), re.MULTILINE))
    for view in views(reports):
        arguments = f"({ARGUMENTS[view]})" if view in ARGUMENTS else ""
        described = reports.text(f"DESCRIBE (SELECT * FROM {view}{arguments}) FORMAT TSVRaw")
        columns = {line.partition("\t")[0] for line in described.splitlines()}
        assert columns - words - (hit if "hits" in view else set()) == set(), view


def test_examples_run(reports: Reports) -> None:
    for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL):
        for statement in filter(str.strip, block.split(";\n")):
            reports.text(statement.rstrip().removesuffix(";"))


def test_a_reader_may_read_each(reports: Reports) -> None:
    for view in views(reports):
        arguments = f"({ARGUMENTS[view]})" if view in ARGUMENTS else ""
        reports.text(f"SELECT * FROM {DATABASE}.{view}{arguments} LIMIT 1", user="reader")
