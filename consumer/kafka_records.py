"""What a fetch brought, as lines: committed records only, their values joined and never parsed.

A record whose value can't be a line (no value, a line break in it, too large) is a refusal. Which
records come out of a range of offsets depends on the range alone: aborted transactions, control
records and gaps are the same at every reading. Opens no connection.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import cramjam
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords

from schemas.delivery import Refusal
from schemas.limits import LINE_BYTES_MAX

ABORT = 0
UNREADABLE = (CorruptRecordException, UnsupportedCodecError, ValueError, EOFError, OSError)
_BASE_OFFSET_AND_SIZE = struct.Struct(">qi")
_LAST_DELTA = struct.Struct(">i")
_LAST_DELTA_AT = 23
_TIME = struct.Struct(">q")
_TIME_AT = 27
_HEADER_BYTES = 61


class Damaged(Exception):
    """A record batch is not what its checksum or its format says; the message says where."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one fetch brought of one partition; `aborted` is (producer id, first offset) pairs."""

    offset: int
    records: bytes
    aborted: Sequence[tuple[int, int]] = ()

    @property
    def time_ms(self) -> int:
        """When its first record was made; it must not be empty."""
        return int(_TIME.unpack_from(self.records, _TIME_AT)[0])

    @property
    def next_offset(self) -> int:
        """The offset behind the last whole record batch; `offset` if there is none."""
        data, at, end = self.records, 0, self.offset
        while at + _HEADER_BYTES <= len(data):
            base, size = _BASE_OFFSET_AND_SIZE.unpack_from(data, at)
            after = at + _BASE_OFFSET_AND_SIZE.size + size
            if after > len(data):
                break
            end = base + _LAST_DELTA.unpack_from(data, at + _LAST_DELTA_AT)[0] + 1
            at = after
        return end


class Offsets(Sequence[int]):
    """Offsets of rows, as runs without a gap: no memory or time for each row."""

    def __init__(self, runs: Sequence[range] = ()) -> None:
        self.runs = list(runs)

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def __iter__(self) -> Iterator[int]:
        for run in self.runs:
            yield from run

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Offsets) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(slots=True)
class Lines:
    """Rows of one record batch or of several: joined, each with its newline."""

    next_offset: int
    time_ms: int = 0
    data: bytes = b""
    rows: int = 0
    runs: list[range] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return len(self.data) + sum(len(refusal.raw) for refusal in self.refusals)


def decode(piece: Piece, start: int, end: int | None = None) -> Iterator[Lines]:
    """Yield the lines of each record batch, of records with offsets from `start` up to `end`.

    Control records and aborted batches yield no rows, only how far they reach. Raises Damaged.
    """
    batches = MemoryRecords(piece.records)
    waiting = sorted(piece.aborted, key=lambda one: one[1], reverse=True)
    aborted: set[int] = set()
    at = piece.offset
    while batches.has_next() and (end is None or at < end):
        try:
            batch = batches.next_batch()
            lines = _lines(batch, start, end, waiting, aborted)
        except (*UNREADABLE, cramjam.DecompressionError) as error:
            raise Damaged(f"the record batch behind offset {at} can't be read: {error}") from error
        at = lines.next_offset
        yield lines


def _lines(
    batch: Any, start: int, end: int | None, waiting: list[tuple[int, int]], aborted: set[int]
) -> Lines:
    if not batch.validate_crc():
        raise CorruptRecordException("its checksum is wrong")
    lines = Lines(batch.next_offset, batch.first_timestamp)
    while waiting and waiting[-1][1] <= batch.base_offset:
        aborted.add(waiting.pop()[0])
    if batch.is_control_batch:
        if _ends_in_abort(batch):
            aborted.discard(batch.producer_id)
        return lines
    if batch.is_transactional and batch.producer_id in aborted:
        return lines
    records = list(batch)
    whole = len(records) == batch.last_offset_delta + 1
    if batch.base_offset < start or (end is not None and batch.next_offset > end):
        records = [
            record
            for record in records
            if record.offset >= start and (end is None or record.offset < end)
        ]
    if records:
        _take(lines, records, whole)
    return lines


def _take(lines: Lines, records: Sequence[Any], whole: bool) -> None:
    """Join the values, which is all there is to do unless one is unfit."""
    values = [record.value for record in records]
    if None not in values:
        data = b"\n".join(values) + b"\n"
        fits = len(data) <= LINE_BYTES_MAX or max(map(len, values)) < LINE_BYTES_MAX
        if fits and data.count(b"\n") == len(values):
            lines.data, lines.rows = data, len(values)
            lines.runs = _runs(records, whole)
            return
    fit = []
    for record in records:
        reason = _unfit(record.value)
        if reason:
            lines.refusals.append(Refusal(record.offset, reason, record.value or b""))
        else:
            fit.append(record)
    lines.data = b"".join(record.value + b"\n" for record in fit)
    lines.rows = len(fit)
    lines.runs = _runs(fit, whole=False)


def _unfit(value: bytes | None) -> str:
    if value is None:
        return "no value (a tombstone)"
    if b"\n" in value:
        return "a line break in it, but a hit is one line"
    if len(value) >= LINE_BYTES_MAX:
        return f"{len(value)} bytes, but a hit has at most {LINE_BYTES_MAX - 1}"
    return ""


def _runs(records: Sequence[Any], whole: bool) -> list[range]:
    if whole:
        return [range(records[0].offset, records[-1].offset + 1)]
    runs: list[range] = []
    for record in records:
        offset = record.offset
        if runs and runs[-1].stop == offset:
            runs[-1] = range(runs[-1].start, offset + 1)
        else:
            runs.append(range(offset, offset + 1))
    return runs


def _ends_in_abort(batch: Any) -> bool:
    """Return whether a control batch says that its producer's transaction was aborted."""
    record = next(iter(batch), None)
    if record is None or record.key is None or len(record.key) < 4:
        raise CorruptRecordException("a control record without a type")
    return int.from_bytes(record.key[2:4], "big") == ABORT
