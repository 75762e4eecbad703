"""Puts dead letters through again: each that the table now takes becomes exactly one row in hits.

Invariants:

1. A letter is one insert, under a token made of its source and position. Done again, or by two at
   once, or after a kill -9 at any moment, ClickHouse drops it.
2. ClickHouse forgets tokens, so before that the letters' hit ids are looked for in hits.
3. What became of a letter is noted after its insert. A letter is never changed or deleted.

Must not know how letters are chosen, nor how anything is printed.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from consumer.clickhouse_sink import PARSE_SETTINGS, ClickHouseSink
from consumer.dead_letter_selection import sql_text
from consumer.dead_letter_store import DeadLetterStore, Letter, Verdict
from consumer.framing import REASON_BYTES_MAX, unsafe_lines
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from schemas.delivery import Batch, RowsRefused

KEPT, REFUSED = "kept", "refused"
ALREADY_THERE = "in hits already"
SOURCE_PREFIX = "dead-letter/"


@dataclass(frozen=True, slots=True)
class _HitKey:
    """What finds a row in hits without reading all of it: the id, and the time as the line has it.

    The table is partitioned and sorted by time.
    """

    id: str
    received_at: str


class Replay:
    """Puts letters through; `lines` holds a person's line for some of them, by name."""

    def __init__(self, client: StoreClient, *, dry_run: bool = False) -> None:
        self._client = client
        self._sink = ClickHouseSink(client)
        self._letters = DeadLetterStore(client)
        self._dry_run = dry_run

    async def run(
        self, pages: AsyncIterator[Sequence[Letter]], *, edited: bool = False
    ) -> AsyncIterator[Verdict]:
        """Replay page after page; yield a verdict for each letter when it is noted.

        Raises SinkAway or StoreError; what was yielded is done, and all may be done again.
        """
        async for page in pages:
            verdicts = await self._page(page, edited=edited)
            if not self._dry_run:
                await self._letters.note(verdicts)
            for verdict in verdicts:
                yield verdict

    async def _page(self, page: Sequence[Letter], *, edited: bool) -> Sequence[Verdict]:
        lines = [_one_line(letter.raw or b"") for letter in page]
        keys = [_hit_key(line) for line in lines]
        there = await self._ids_in_hits([key for key in keys if key is not None])
        verdicts = []
        for letter, line, key in zip(page, lines, keys, strict=True):
            if key is not None and key.id in there:
                verdicts.append(Verdict(letter.name, KEPT, ALREADY_THERE, edited))
                continue
            reason = await self._put(letter, line)
            if not reason and key is not None:
                there.add(key.id)
            verdicts.append(Verdict(letter.name, REFUSED if reason else KEPT, reason, edited))
        return verdicts

    async def _put(self, letter: Letter, line: bytes) -> str:
        """Insert one line; return why it is refused, empty if it is in."""
        if b"\n" in line:
            return "not JSON, over several lines"
        batch = _batch(letter, line)
        if self._dry_run:
            return await self._refusal(batch)
        try:
            await self._sink.write(batch)
        except RowsRefused as refused:
            return refused.reasons[letter.name.position]
        return ""

    async def _refusal(self, batch: Batch) -> str:
        """Return why the table would refuse the batch's only row; empty if it would take it."""
        unsafe = unsafe_lines(batch)
        if unsafe:
            return next(iter(unsafe.values()))
        try:
            await self._client.insert(
                "INSERT INTO hits_check FORMAT JSONEachRow", batch.data, PARSE_SETTINGS
            )
        except StoreError as error:
            if not error.is_data:
                raise
            return str(error).replace("\n", " ")[:REASON_BYTES_MAX]
        return ""

    async def _ids_in_hits(self, keys: Sequence[_HitKey]) -> set[str]:
        if not keys:
            return set()
        ids = ", ".join(sorted({f"'{key.id}'" for key in keys}))
        times = ", ".join(
            f"parseDateTime64BestEffortOrNull({text}, 3, 'UTC')"
            for text in sorted({sql_text(key.received_at) for key in keys})
        )
        found = await self._client.execute(
            f"SELECT id FROM hits WHERE id IN ({ids}) AND received_at IN ({times})"  # noqa: S608 - UUIDs, texts as hexadecimal
        )
        return set(found.split())


def _batch(letter: Letter, line: bytes) -> Batch:
    name = letter.name
    return Batch(
        SOURCE_PREFIX + name.source,
        name.position,
        name.position + 1,
        line + b"\n",
        1,
        positions=[name.position],
    )


def _one_line(raw: bytes) -> bytes:
    """Return JSON that was written over several lines as one; anything else as it is.

    A line break within one of JSON's tokens is not JSON, and elsewhere it is white space.
    """
    if b"\n" not in raw:
        return raw
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw
    return raw.replace(b"\n", b" ")


def _hit_key(line: bytes) -> _HitKey | None:
    """Return how to find the line's row; None for a line that says too little to be one."""
    try:
        members = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(members, Mapping):
        return None
    hit_id, received_at = members.get("id"), members.get("received_at")
    if not isinstance(hit_id, str) or not isinstance(received_at, str):
        return None
    try:
        return _HitKey(str(uuid.UUID(hit_id)), received_at)
    except ValueError:
        return None
