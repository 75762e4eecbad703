"""One journal as the shipper's source: ranges of whole lines, and the checkpoint `kafka`.

The checkpoint's `position` is what Kafka is known to have; its `end` is stored before a range is
handed out, so that after a power cut the journal's writer does not use positions again that Kafka
may have (`schemas.journal.checkpoint`).

Must not know what a line says, nor that it goes to Kafka.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.delivery import Batch, Span, State
from schemas.journal.held import HeldJournal
from schemas.pump import Clock

READER = "kafka"
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
        self._journal = HeldJournal(folder, READER, readers, clock)
        self._limits = limits
        self._prepare = prepare
        # What the checkpoint says, and who may write it: `read` runs while `remember` does.
        self._position = 0
        self._end = 0
        self._storing = asyncio.Lock()

    @property
    def name(self) -> str:
        """The journal's identity."""
        return self._journal.name

    async def recall(self) -> tuple[State | None, Span]:
        """Take the lock and return the checkpoint and what the journal holds.

        Raises SourceAway while another process has the lock, CheckpointUnreadable.
        """
        self._journal.hold()
        span, saved = self._journal.span(), self._journal.load()
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
            self._journal.purge_if_due()
            batch = self._journal.batch(position, self._limits.bytes_max)
            if batch is not None and (lingered or stop.is_set() or self._is_full(batch)):
                await self._store(self._position, max(batch.end, self._end))
                await self._prepare(batch)
                return batch
            if stop.is_set():
                return None
            lingered = batch is not None
            await self._journal.pause(
                self._limits.linger_seconds if lingered else self._limits.poll_seconds, stop
            )

    async def replay(self, start: int, end: int) -> Batch:
        """Return what is left of the range."""
        batch = self._journal.batch(start, end - start)
        return batch or Batch(self.name, start, end, b"", 0, base=start)

    def behind(self, position: int) -> int:
        """Return how many bytes of whole lines there are from `position` on."""
        return self._journal.behind(position)

    def head_at(self, position: int) -> bytes:
        """Return the first bytes from `position` on, up to where a hit says when it came."""
        return self._journal.peek(position, HEAD_BYTES)

    async def close(self) -> None:
        """Close files and let another process have the journal."""
        self._journal.close()

    def _is_full(self, batch: Batch) -> bool:
        """Return whether the next line would not have fitted, as far as lines are of one size."""
        return len(batch.data) * 8 >= self._limits.bytes_max * 7

    async def _store(self, position: int, end: int) -> None:
        async with self._storing:
            self._position, self._end = max(self._position, position), max(self._end, end)
            await self._journal.store({"position": self._position, "end": self._end})
