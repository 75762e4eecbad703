"""Finds the rows of a batch that ClickHouse refuses, without writing any of it.

The rows go to ``hits_check``, a table of the same columns that keeps nothing. ClickHouse's error
names a row, which is a hint only: each suspect is tried alone before it is refused, so what is
refused is so by the store's own word, and the reason holds no bytes of other people's rows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.store_errors import StoreError
from schemas.delivery import Batch, SinkAway

REASON_CHARACTERS_MAX = 300
# Rows of one check: small, since each refused row sends the rest of its piece again.
PIECE_ROWS_MAX = 1_000
_ROW_HINT = re.compile(r"\(at row (\d+)\)")

# A hit no store with our tables refuses, with a value of each type: if it is refused, the table is
# at fault, not the rows.
SAMPLE = (
    b'{"id":"00000000-0000-7000-8000-000000000000","received_at":"2026-01-01T00:00:00.000Z",'
    b'"endpoint":"pixel","method":"GET","site":"s","event":"PageView","event_id":"e","url":"u",'
    b'"referrer":"r","value":1.5,"currency":"EUR","client_time":"2026-01-01T00:00:00.000Z",'
    b'"visitor_id":"00000000-0000-4000-8000-000000000000","user_id":"u","campaign_id":"c",'
    b'"message_id":"m","recipient_id":"r","ip":"192.0.2.0","user_agent":"a","language":"en",'
    b'"consent":"granted","consent_source":"default","visitor_kind":"cookie",'
    b'"session_id":"00000000-0000-4000-8000-000000000000","link_url":"l",'
    b'"sent_at":"2026-01-01T00:00:00.000Z","email_hash":"e","phone_hash":"p","client_hints":"h",'
    b'"bot":"b","purpose":"prefetch","opened_by":"human","opened_by_reason":"r","api_key":"k",'
    b'"properties":{"a":"b"},"problems":["p"]}\n'
)


class Check(Protocol):
    """Tries rows without keeping them."""

    async def __call__(self, data: bytes) -> StoreError | None:
        """Return the error if a row is at fault, None if all are taken.

        Raises SinkAway for any other error, and when nothing can be said now.
        """


@dataclass(frozen=True, slots=True)
class _Row:
    position: int
    line: bytes


async def refused_rows(batch: Batch, check: Check, *, refused_max: int) -> Mapping[int, str]:
    """Return position → reason of the first rows that are refused, at most `refused_max` of them.

    Raises SinkAway if the table refuses any row, or if none of these can be found at fault.
    """
    error = await check(SAMPLE)
    if error is not None:
        raise SinkAway(
            "table hits_check refuses a sample hit, so it is not as this version needs it "
            f"(heliograph migrate): {_reason(error)}"
        )
    left_out = set(batch.left_out)
    rows = [
        _Row(position, line)
        for position, line in zip(batch.row_positions(), batch.lines(), strict=True)
        if position not in left_out
    ]
    refused: dict[int, str] = {}
    for start in range(0, len(rows), PIECE_ROWS_MAX):
        piece = rows[start : start + PIECE_ROWS_MAX]
        while piece and len(refused) < refused_max:
            error = await check(_joined(piece))
            if error is None:
                break
            index, reason = await _first_refused(piece, error, check)
            refused[piece[index].position] = reason
            piece = piece[index + 1 :]
    if not refused:
        raise SinkAway(
            f"the store refuses {batch.name} for its data, but takes each row of it in hits_check: "
            "look at what depends on table hits (a materialized view, a constraint)"
        )
    return refused


async def _first_refused(rows: Sequence[_Row], error: StoreError, check: Check) -> tuple[int, str]:
    """Return the index and the reason of a row at fault, of rows that are refused.

    The first, if the hint is right; one before it that this misses makes the next insert fail.
    """
    hint = _ROW_HINT.search(str(error))
    if hint is not None and 0 < int(hint[1]) <= len(rows):
        index = int(hint[1]) - 1
        alone = await check(rows[index].line + b"\n")
        if alone is not None:
            return index, _reason(alone)
    return await _bisected(rows, check)


async def _bisected(rows: Sequence[_Row], check: Check) -> tuple[int, str]:
    """Find the shortest refused beginning of `rows`; its last row is at fault."""
    taken, refused = 0, len(rows)
    while refused - taken > 1:
        middle = (taken + refused) // 2
        if await check(_joined(rows[:middle])) is None:
            taken = middle
        else:
            refused = middle
    alone = await check(rows[refused - 1].line + b"\n")
    if alone is None:
        raise SinkAway(
            f"the store refuses the row at {rows[refused - 1].position} among others, not alone"
        )
    return refused - 1, _reason(alone)


def _joined(rows: Sequence[_Row]) -> bytes:
    return b"".join(row.line + b"\n" for row in rows)


def _reason(error: StoreError) -> str:
    return str(error).replace("\n", " ")[:REASON_CHARACTERS_MAX]
