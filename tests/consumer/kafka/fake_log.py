"""One partition in memory: real record batches as a broker stores them, and a group's offset.

    log = FakeLog()
    log.append([b"a", b"b"]); log.abort([b"c"]); log.skip(3)
    partition = log.lease()       # what a KafkaSource reads and commits through

A lease that another one followed is over: its commits are refused, as a broker refuses those of an
older generation.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from consumer.kafka_fetcher import Feed, OutOfRange
from consumer.kafka_records import Piece
from schemas.delivery import SourceLost, Span

BASE_OFFSET = slice(0, 8)
CRC = slice(17, 21)
ATTRIBUTES = slice(21, 23)
LAST_DELTA = slice(23, 27)
CHECKED = slice(21, None)
TRANSACTIONAL, CONTROL = 0x10, 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"
PRODUCER = 7
TIME_MS = 1_795_500_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A record batch, and the offset of the first one of its transaction if that was aborted."""

    base: int
    end: int
    data: bytes
    aborted_from: int | None = None


class FakeLog:
    """See the module. `piece_batches` is how many record batches a fetch brings."""

    def __init__(self, *, name: str = "hits-0@id", piece_batches: int = 3) -> None:
        self.name = name
        self.piece_batches = piece_batches
        self.start = 0
        self.end = 0
        # What a consumer must see: offset and value of each committed record.
        self.rows: list[tuple[int, bytes | None]] = []
        self.saved: tuple[int, str] | None = None
        self.generation = 0
        self._batches: list[Stored] = []
        self._grown = asyncio.Event()

    def append(
        self, values: Sequence[bytes | None], *, compression: int = 0, gaps: Sequence[int] = ()
    ) -> None:
        """Append a committed transaction; offsets at the deltas `gaps` were compacted away."""
        self.rows += [
            (self.end + delta, value) for delta, value in enumerate(values) if delta not in gaps
        ]
        self._store(values, compression=compression, gaps=gaps)
        self._mark(COMMIT)

    def abort(self, values: Sequence[bytes]) -> None:
        """Append an aborted transaction."""
        self._store(values, aborted_from=self.end)
        self._mark(ABORT)

    def skip(self, offsets: int) -> None:
        """Leave a gap, as a compacted batch does."""
        self.end += offsets

    def delete_before(self, offset: int) -> None:
        """Do what retention does."""
        self.start = offset
        self._batches = [batch for batch in self._batches if batch.end > offset]
        self._grown.set()

    def damage(self, index: int) -> None:
        """Flip a bit of a stored batch."""
        batch = self._batches[index]
        data = batch.data[:-1] + bytes((batch.data[-1] ^ 1,))
        self._batches[index] = Stored(batch.base, batch.end, data, batch.aborted_from)

    def lease(self) -> "LeasedLog":
        """Give the partition to a new owner."""
        self.generation += 1
        return LeasedLog(self, self.generation)

    def fetch(self, offset: int) -> Piece | None:
        """Return what a broker answers, None if there is nothing; raises OutOfRange."""
        if not self.start <= offset <= self.end:
            raise OutOfRange(f"no offset {offset}")
        found = [batch for batch in self._batches if batch.end > offset][: self.piece_batches]
        if not found:
            return None
        aborted = sorted(
            {(PRODUCER, batch.aborted_from) for batch in found if batch.aborted_from is not None}
        )
        return Piece(offset, b"".join(batch.data for batch in found), aborted)

    def _store(
        self,
        values: Sequence[bytes | None],
        *,
        compression: int = 0,
        gaps: Sequence[int] = (),
        aborted_from: int | None = None,
    ) -> None:
        builder = DefaultRecordBatchBuilder(2, compression, 1, PRODUCER, 0, 0, 2**30)
        for delta, value in enumerate(values):
            if delta not in gaps:
                builder.append(delta, TIME_MS + self.end + delta, b"key", value, [])
        if not values or len(gaps) == len(values):
            return
        self._put(bytes(builder.build()), len(values), aborted_from)

    def _mark(self, kind: bytes) -> None:
        builder = DefaultRecordBatchBuilder(2, 0, 1, PRODUCER, 0, 0, 2**20)
        builder.append(0, TIME_MS + self.end, kind, b"\0" * 6, [])
        data = bytearray(builder.build())
        attributes = int.from_bytes(data[ATTRIBUTES], "big") | CONTROL
        data[ATTRIBUTES] = attributes.to_bytes(2, "big")
        self._put(bytes(data), 1, None)

    def _put(self, built: bytes, offsets: int, aborted_from: int | None) -> None:
        data = bytearray(built)
        data[BASE_OFFSET] = self.end.to_bytes(8, "big")
        # Kafka keeps a batch's last offset when its last record is compacted away.
        data[LAST_DELTA] = (offsets - 1).to_bytes(4, "big")
        data[CRC] = calc_crc32c(bytes(data[CHECKED])).to_bytes(4, "big")
        assert DefaultRecordBatch(bytes(data)).validate_crc()
        self._batches.append(Stored(self.end, self.end + offsets, bytes(data), aborted_from))
        self.end += offsets
        self._grown.set()


class LeasedLog:
    """A partition for a KafkaSource; its feed is served at once and by a task."""

    def __init__(self, log: FakeLog, generation: int) -> None:
        self.name = log.name
        self.log = log
        self.feed = Feed(0, self._wake)
        self.commits: list[tuple[int, str]] = []
        self.over = False
        self._generation = generation
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def span(self) -> Span:
        return Span(self.log.start, self.log.end)

    async def committed(self) -> tuple[int, str] | None:
        return self.log.saved

    async def commit(self, offset: int, metadata: str) -> None:
        if self.over or self._generation != self.log.generation:
            raise SourceLost("the lease is over")
        self.commits.append((offset, metadata))
        self.log.saved = (offset, metadata)

    def drop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        self._wanted.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            self._wanted.clear()
            self.log._grown.clear()
            asked = self.feed.wanted
            piece = None
            if asked is not None:
                try:
                    piece = self.log.fetch(asked)
                except OutOfRange as error:
                    self.feed.fail(asked, error)
            if asked is not None and piece is not None:
                self.feed.put(asked, piece, self.log.end)
                await asyncio.sleep(0)
                continue
            waits = [
                asyncio.ensure_future(self._wanted.wait()),
                asyncio.ensure_future(self.log._grown.wait()),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
