"""The dead letters as they are in ClickHouse: list, count, fetch, and note what became of them.

Every call may block and raises SinkAway or StoreError as `StoreClient` does.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from consumer.clickhouse_sink import INSERT_SETTINGS
from consumer.dead_letter_selection import LetterName, Selection, sql_name
from consumer.store_client import StoreClient

# Letters in memory at once: a line has at most half a megabyte.
PAGE_LETTERS = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; `raw` is None where only its size was asked for.

    `outcome` is `kept`, `refused`, or empty if it was never replayed; times are UTC text.
    """

    name: LetterName
    reason: str
    size: int
    inserted_at: str
    outcome: str
    replayed_at: str
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay did with a letter."""

    name: LetterName
    outcome: str
    reason: str = ""
    edited: bool = False


class DeadLetterStore:
    """Asks one store about its dead letters."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def newest(self, selection: Selection, limit: int, *, raw: bool) -> Sequence[Letter]:
        """Return the newest letters of a selection, newest first."""
        order = f"ORDER BY inserted_at DESC, source, position DESC LIMIT {limit}"
        return await self._letters(selection.condition(), order, raw=raw)

    async def reasons(self, selection: Selection) -> Sequence[tuple[int, str, str, str]]:
        """Return (letters, oldest, newest, reason) of each reason, the most frequent first."""
        rows = await self._rows(
            "SELECT count() AS letters, min(inserted_at) AS oldest, max(inserted_at) AS newest, "  # noqa: S608 - our own names, texts as hexadecimal
            f"reason FROM dead_letter_states WHERE {selection.condition()} "
            "GROUP BY reason ORDER BY letters DESC, reason"
        )
        return [(int(row["letters"]), row["oldest"], row["newest"], row["reason"]) for row in rows]

    async def pages(self, selection: Selection) -> AsyncIterator[Sequence[Letter]]:
        """Yield all letters of a selection with their bytes, by source and position, in pages.

        What becomes of a page's letters meanwhile does not disturb the order.
        """
        last = ""
        while True:
            condition = selection.condition()
            if last:
                condition += f" AND (source, position) > {last}"
            order = f"ORDER BY source, position LIMIT {PAGE_LETTERS}"
            page = await self._letters(condition, order, raw=True)
            if page:
                yield page
            if len(page) < PAGE_LETTERS:
                return
            last = sql_name(page[-1].name)

    async def note(self, verdicts: Sequence[Verdict]) -> None:
        """Write down what became of letters. Repeated, it adds rows that say the same."""
        data = b"".join(
            orjson.dumps(
                {
                    "source": verdict.name.source,
                    "position": verdict.name.position,
                    "outcome": verdict.outcome,
                    "reason": verdict.reason,
                    "edited": verdict.edited,
                }
            )
            + b"\n"
            for verdict in verdicts
        )
        statement = (
            "INSERT INTO dead_letter_replays (source, position, outcome, reason, edited) "
            "FORMAT JSONEachRow"
        )
        # Two replays that say the same are two replays: no block is dropped for its content.
        await self._client.insert(statement, data, {**INSERT_SETTINGS, "insert_deduplicate": "0"})

    async def _letters(self, condition: str, order: str, *, raw: bool) -> Sequence[Letter]:
        rows = await self._rows(
            "SELECT source, position, reason, length(raw) AS size, inserted_at, outcome, "  # noqa: S608 - our own names, texts as hexadecimal
            f"replayed_at{', hex(raw) AS bytes' if raw else ''} FROM dead_letter_states "
            f"WHERE {condition} {order}"
        )
        return list(map(_letter, rows))

    async def _rows(self, question: str) -> Sequence[Mapping[str, Any]]:
        text = await self._client.execute(
            f"{question} SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow"
        )
        return [orjson.loads(row) for row in text.splitlines()]


def _letter(row: Mapping[str, Any]) -> Letter:
    raw = row.get("bytes")
    return Letter(
        LetterName(row["source"], row["position"]),
        row["reason"],
        row["size"],
        row["inserted_at"],
        row["outcome"],
        row["replayed_at"] if row["outcome"] else "",
        None if raw is None else bytes.fromhex(raw),
    )
