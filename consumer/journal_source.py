"""One journal as a source: whole lines by position, and its checkpoint file.

The checkpoint holds the position, the end of the range under way and the rows refused in it.

Must not know what a line says, nor what a sink is.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.delivery import Batch, Span, State
from schemas.journal.held import HeldJournal, rows_in
from schemas.pump import Clock

READER = "clickhouse"
# Refused rows with their reasons, of 300 characters each: a checkpoint stays under 1 MB.
REFUSALS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is full, and how often to look."""

    rows_max: int
    bytes_max: int
    age_seconds_max: float
    poll_interval_seconds: float


class Room:
    """Counts batches in memory, of all journals together."""

    def __init__(self, batches_max: int) -> None:
        self.batches_max = batches_max
        self.batches = 0

    @property
    def full(self) -> bool:
        """Whether no batch may be read now."""
        return self.batches >= self.batches_max


class JournalSource:
    """Reads one journal for the consumer; see `schemas.delivery.Source` for the verbs."""

    refusals_max = REFUSALS_MAX

    def __init__(
        self,
        folder: Path,
        *,
        limits: BatchLimits,
        room: Room,
        readers: Sequence[str],
        clock: Clock,
    ) -> None:
        """Open the journal; raises OSError if it has no identity."""
        self.folder = folder
        self._journal = HeldJournal(folder, READER, readers, clock)
        self._limits = limits
        self._room = room
        self._clock = clock
        # Where the batches now in memory start.
        self._held: set[int] = set()

    @property
    def name(self) -> str:
        """The journal's identity."""
        return self._journal.name

    async def recall(self) -> tuple[State | None, Span]:
        """Take the lock and return the checkpoint.

        Raises SourceAway while another consumer has the lock, CheckpointUnreadable.
        """
        self._journal.hold()
        span, saved = self._journal.span(), self._journal.load()
        return (_state_of(saved) if saved else None), span

    async def remember(self, state: State) -> None:
        """Replace the checkpoint (synced), let go of batches before it, purge now and then."""
        await self._journal.store(_saved(state))
        self._release(start for start in self._held if start < state.position)
        self._journal.purge_if_due()

    async def read(self, position: int, stop: asyncio.Event) -> Batch | None:
        """Return the next batch; waits while there is none, or no room for it in memory."""
        self._release(start for start in self._held if start >= position)
        await self._gathered(position, stop)
        while self._room.full and not stop.is_set():
            await self._journal.pause(self._limits.poll_interval_seconds, stop)
        if self._room.full:
            return None
        batch = self._journal.batch(position, self._limits.bytes_max)
        if batch is None:
            return None
        batch = _cut_to_rows(batch, self._limits.rows_max)
        self._hold(batch.start)
        return batch

    async def replay(self, start: int, end: int) -> Batch:
        """Return what is left of the range; does not wait for room, since it comes first."""
        self._release(held for held in self._held if held >= start)
        batch = self._journal.batch(start, end - start)
        self._hold(start)
        if batch is None or batch.start >= end:
            return Batch(self.name, start, end, b"", 0, base=start)
        # Where the range's head is gone, as many bytes as it had reach beyond it.
        data = batch.data[: end - batch.start]
        return Batch(self.name, start, end, data, rows_in(data), base=batch.start)

    def behind(self, position: int) -> int:
        """Return how many bytes of whole lines there are from `position` on."""
        return self._journal.behind(position)

    def peek(self, position: int, size: int) -> bytes:
        """Return up to `size` bytes from `position` on; empty if there are none."""
        return self._journal.peek(position, size)

    async def close(self) -> None:
        """Close files and let another consumer have the journal."""
        self._journal.close()
        self._release(set(self._held))

    async def _gathered(self, position: int, stop: asyncio.Event) -> None:
        """Wait until a batch is full or old enough, or `stop` is set."""
        limits, seen_at = self._limits, None
        while not stop.is_set():
            behind = self.behind(position)
            if behind >= limits.bytes_max:
                return
            if behind and seen_at is None:
                seen_at = self._clock.monotonic()
            pause = limits.poll_interval_seconds
            if seen_at is not None:
                left = seen_at + limits.age_seconds_max - self._clock.monotonic()
                if left <= 0:
                    return
                pause = min(pause, left)
            await self._journal.pause(pause, stop)

    def _hold(self, start: int) -> None:
        self._held.add(start)
        self._room.batches += 1

    def _release(self, starts: Iterable[int]) -> None:
        for start in list(starts):
            self._held.discard(start)
            self._room.batches -= 1


def _cut_to_rows(batch: Batch, rows_max: int) -> Batch:
    if batch.rows <= rows_max:
        return batch
    rest = batch.data.split(b"\n", rows_max)[-1]
    size = len(batch.data) - len(rest)
    end = batch.start + size
    return Batch(batch.source, batch.start, end, batch.data[:size], rows_max, base=batch.base)


def _saved(state: State) -> Mapping[str, Any]:
    """Return a state as the checkpoint's JSON."""
    saved: dict[str, Any] = {"position": state.position, "end": state.end}
    if state.reasons:
        saved["refused"] = [[position, reason] for position, reason in state.reasons.items()]
    return saved


def _state_of(saved: Mapping[str, Any]) -> State:
    position = saved["position"]
    refused = dict(saved.get("refused", ()))
    return State(position, saved.get("end", position), refused)
