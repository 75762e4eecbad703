"""One journal as the shipper's source: ranges of whole lines, and the checkpoint `kafka`.

The checkpoint's `position` is what Kafka is known to have; its `end` is stored before a range is
handed out, so that after a power cut the journal's writer does not use positions again that Kafka
may have (`schemas.journal.checkpoint`). One process reads a journal at a time, by a lock that dies
with it. Segments that all readers are done with are deleted here.

Must not know what a line says, nor that it goes to Kafka.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.delivery import Batch, SourceAway, Span, State
from schemas.journal import checkpoint
from schemas.journal.reader import JournalReader, purge
from schemas.journal.segment import segments
from schemas.pump import Clock

log = logging.getLogger(__name__)

READER = "kafka"
PURGE_INTERVAL_SECONDS = 5.0
# Enough of a line to know when its hit came (`schemas.hit`).
HEAD_BYTES = 128


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """When a range is full, and how often to look for one."""

    bytes_max: int
    linger_seconds: float
    poll_seconds: float


class JournalSource:
    """Reads one journal for the shipper; see `schemas.delivery.Source` for the verbs."""

    refusals_max = 0  # Kafka refuses no single record

    def __init__(
        self,
        folder: Path,
        *,
        limits: SourceLimits,
        readers: Sequence[str],
        prepare: Callable[[Batch], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """Open the journal; `prepare` is awaited with each range before it is handed out.

        Raises OSError if the folder has no identity.
        """
        self.folder = folder
        self._reader = JournalReader(folder)
        self._limits = limits
        self._readers = readers
        self._prepare = prepare
        self._clock = clock
        self._lock = -1
        self._purged_at = clock.monotonic()
        # What the checkpoint says, and who may write it: `read` runs while `remember` does.
        self._position = 0
        self._end = 0
        self._storing = asyncio.Lock()

    @property
    def name(self) -> str:
        """The journal's identity."""
        return self._reader.identity

    async def recall(self) -> tuple[State | None, Span]:
        """Take the lock and return the checkpoint and what the journal holds.

        Raises SourceAway while another process has the lock, CheckpointUnreadable.
        """
        self._take_lock()
        found = segments(self.folder)
        span = Span(found[0].base if found else 0, self._reader.end())
        saved = checkpoint.load(self.folder, READER)
        if saved is None:
            return None, span
        self._position = saved["position"]
        self._end = saved.get("end", self._position)
        return State.done(self._position), span

    async def remember(self, state: State) -> None:
        """Store the position, synced."""
        await self._store(state.position, max(state.end, self._end))

    async def read(self, position: int, stop: asyncio.Event) -> Batch | None:
        """Return the next range when it is full or its first line has waited `linger_seconds`.

        Deletes segments now and then, whether there is something to read or not.
        """
        lingered = False
        while True:
            self._purge_if_due()
            batch = self._batch(position, self._limits.bytes_max)
            if batch is not None and (lingered or stop.is_set() or self._is_full(batch)):
                await self._store(self._position, max(batch.end, self._end))
                await self._prepare(batch)
                return batch
            if stop.is_set():
                return None
            lingered = batch is not None
            await self._pause(
                self._limits.linger_seconds if lingered else self._limits.poll_seconds, stop
            )

    async def replay(self, start: int, end: int) -> Batch:
        """Return what is left of the range."""
        batch = self._batch(start, end - start)
        return batch or Batch(self.name, start, end, b"", 0, base=start)

    def behind(self, position: int) -> int:
        """Return how many bytes of whole lines there are from `position` on."""
        return max(0, self._reader.end() - position)

    def head_at(self, position: int) -> bytes:
        """Return the first bytes from `position` on, up to where a hit says when it came."""
        for segment in reversed(segments(self.folder)):
            if segment.base <= position:
                with contextlib.suppress(FileNotFoundError), segment.path.open("rb") as file:
                    return os.pread(file.fileno(), HEAD_BYTES, position - segment.base)
        return b""

    async def close(self) -> None:
        """Close files and let another process have the journal."""
        self._reader.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _is_full(self, batch: Batch) -> bool:
        """Return whether the next line would not have fitted, as far as lines are of one size."""
        return len(batch.data) * 8 >= self._limits.bytes_max * 7

    def _batch(self, position: int, bytes_max: int) -> Batch | None:
        try:
            chunk = self._reader.read(position, bytes_max)
        except OSError as error:
            raise SourceAway(f"journal {self.folder} can't be read: {error}") from error
        if not chunk.data:
            return None
        rows = chunk.data.count(b"\n") + (not chunk.data.endswith(b"\n"))
        return Batch(self.name, chunk.start, chunk.end, chunk.data, rows, base=chunk.start)

    async def _store(self, position: int, end: int) -> None:
        async with self._storing:
            self._position, self._end = max(self._position, position), max(self._end, end)
            content = {"position": self._position, "end": self._end}
            try:
                await asyncio.to_thread(checkpoint.store, self.folder, READER, content)
            except OSError as error:
                raise SourceAway(
                    f"the checkpoint in {self.folder} can't be written: {error.strerror or error}"
                ) from error

    async def _pause(self, seconds: float, stop: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((stopping, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sleeping.cancel()

    def _take_lock(self) -> None:
        if self._lock >= 0:
            return
        path = self.folder / f"{READER}.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise SourceAway(f"journal {self.folder} is shipped by another process") from error
        self._lock = file

    def _purge_if_due(self) -> None:
        if self._clock.monotonic() - self._purged_at < PURGE_INTERVAL_SECONDS:
            return
        self._purged_at = self._clock.monotonic()
        try:
            deleted = purge(self.folder, self._readers)
        except OSError:
            log.warning("segments of %s can't be deleted", self.folder, exc_info=True)
        else:
            if deleted:
                log.info("deleted %d segments of %s that are shipped", deleted, self.folder)
