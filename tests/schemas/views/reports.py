"""Asks the views, and gives rows that compare with DuckDB's."""

from typing import Any

import orjson

from tests.support.store import StoreProcess

DATABASE = "reports"
ALL = "since = '2026-09-01 00:00:00', until = '2027-02-01 00:00:00'"


class Reports:
    """The views of one database."""

    def __init__(self, store: StoreProcess) -> None:
        self._store = store

    def text(self, query: str, **settings: Any) -> str:
        """Return an answer's text."""
        return self._store.must(query, database=DATABASE, **settings)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return an answer's rows, sorted; fractions to nine digits."""
        lines = self.text(
            query + " FORMAT JSONCompactEachRow", output_format_json_quote_64bit_integers=0
        ).splitlines()
        return comparable([tuple(orjson.loads(line)) for line in lines])


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows sorted, fractions to nine digits."""
    rounded = (
        tuple(round(one, 9) if isinstance(one, float) else one for one in row) for row in rows
    )
    return sorted(rounded, key=repr)
