"""The committed dashboards, and asking a store what a panel asks, as Grafana's reader would."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.deploy.grafana.macros import Chosen, View, expanded
from tests.support.store import StoreProcess

ROOT = Path(__file__).parents[3]
DASHBOARDS = {
    file.stem: orjson.loads(file.read_bytes())
    for file in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
}
CLICKHOUSE = "grafana-clickhouse-datasource"


@dataclass(frozen=True, slots=True)
class Target:
    """One query of one panel."""

    dashboard: str
    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def name(self) -> str:
        """What a test's id and an error call it."""
        return f"{self.dashboard}: {self.panel['title']} {self.target['refId']}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A table: names and types of columns, and rows."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]

    def column(self, name: str) -> list[Any]:
        """Return the values of one column."""
        return [row[self.columns.index(name)] for row in self.rows]

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows by name of column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def targets(kind: str) -> Iterator[Target]:
    """Yield every query to a kind of data source."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield Target(name, panel, target)


def variables(dashboard: str) -> dict[str, dict[str, Any]]:
    """Return a dashboard's template variables by name."""
    return {one["name"]: one for one in DASHBOARDS[dashboard]["templating"].get("list", [])}


def first_choices(dashboard: str) -> dict[str, Chosen]:
    """Return what holds when a dashboard is opened; a query's first answer is up to the caller."""
    chosen: dict[str, Chosen] = {}
    for name, variable in variables(dashboard).items():
        value = variable.get("current", {}).get("value")
        chosen[name] = None if value == "$__all" else value
    return chosen


class Board:
    """One store with hits in it, seen through the dashboards; an answer is asked for once."""

    def __init__(self, store: StoreProcess, database: str, since_ms: int, until_ms: int) -> None:
        self._store = store
        self._database = database
        self._answers: dict[str, Answer] = {}
        self._since_ms, self._until_ms = since_ms, until_ms

    def ask(self, sql: str) -> Answer:
        """Return the answer to SQL, asked by the role that may only read."""
        if sql not in self._answers:
            self._answers[sql] = self._asked(sql)
        return self._answers[sql]

    def _asked(self, sql: str) -> Answer:
        text = self._store.must(
            sql + " FORMAT JSONCompact",
            database=self._database,
            user="reader",
            output_format_json_quote_64bit_integers=0,
        )
        parsed = orjson.loads(text)
        names, types = zip(*((one["name"], one["type"]) for one in parsed["meta"]), strict=True)
        return Answer(list(names), list(types), parsed["data"])

    def view(self, dashboard: str, **chosen: Chosen) -> View:
        """Return a dashboard as it opens, with some variables chosen."""
        first = first_choices(dashboard)
        if "funnel_site" in first:
            first["funnel_site"] = "shop"
        return View(self._since_ms, self._until_ms, 3600, {**first, **chosen})

    def answer(self, target: Target, **chosen: Chosen) -> Answer:
        """Return what a panel shows."""
        return self.ask(expanded(target.target["rawSql"], self.view(target.dashboard, **chosen)))

    def panel(self, dashboard: str, title: str, **chosen: Chosen) -> Answer:
        """Return what the panel with a title shows."""
        (target,) = (
            one
            for one in targets(CLICKHOUSE)
            if (one.dashboard, one.panel["title"]) == (dashboard, title)
        )
        return self.answer(target, **chosen)
