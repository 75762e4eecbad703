"""The pump: the one loop that moves lines from a source to a sink, each line once.

Read a batch, fix its boundaries durably, write it under its token, mark it done. While one batch is
written the next is read, so at most two are in memory; marking one done and fixing the next is a
single `remember` when the next is there already. See `schemas.delivery` for the four verbs and
`schemas.restart_cases` for what happens at the start.

Whatever is not done when the pump stops, is done again under the same token by the next one.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.delivery import (
    Batch,
    RowsRefused,
    Sink,
    SinkAway,
    Source,
    SourceAway,
    SourceLost,
    State,
)
from schemas.metric_table import Histogram
from schemas.restart_cases import Action, case_of

log = logging.getLogger(__name__)
T = TypeVar("T")

# Below this many rows a share of refused ones says nothing.
SHARE_ROWS_MIN = 100

WRITE_SECONDS_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_ROWS_BOUNDS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 500_000)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, passed in: seconds that never go back, a sleep, a number in [0, 1)."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class PumpLimits:
    """How a pump waits and when it gives up."""

    retry_seconds_min: float
    retry_seconds_max: float
    stop_seconds_max: float
    dead_letter_share_max: float


@dataclass(slots=True)
class Tally:
    """Plain numbers that pumps add to; several pumps may share one."""

    rows: int = 0
    bytes: int = 0
    batches: int = 0
    replays: int = 0
    retries: int = 0
    dead_letters: int = 0
    write_seconds: Histogram = field(default_factory=lambda: Histogram(WRITE_SECONDS_BOUNDS))
    batch_rows: Histogram = field(default_factory=lambda: Histogram(BATCH_ROWS_BOUNDS))

    def count(self, batch: Batch, seconds: float) -> None:
        """Add a batch that is written."""
        self.rows += batch.rows - len(batch.left_out)
        self.bytes += len(batch.data)
        self.batches += 1
        self.dead_letters += len(batch.refusals)
        self.write_seconds.observe(seconds)
        self.batch_rows.observe(batch.rows)


class _GivenUp(Exception):
    """Told to stop while waiting for something that is away."""


class Pump:
    """Moves one source into a sink.

    `trouble` says in a sentence what keeps it from moving, since `trouble_since`; else it is empty.
    `writing_since` is when the write began that the sink has not answered yet, if there is one.
    `position` is the next line not known to be written.
    """

    def __init__(
        self, source: Source, sink: Sink, *, limits: PumpLimits, tally: Tally, clock: Clock
    ) -> None:
        self.position = 0
        self.trouble = ""
        self.trouble_since = 0.0
        self.writing_since: float | None = None
        self._source = source
        self._sink = sink
        self._limits = limits
        self._tally = tally
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Pump until `stop` is set, then write what was read and return within the deadline.

        Returns early if the source is another's now. Raises what the sink calls a fault, and
        whatever no verb is allowed to raise. Safe to run again: it starts from what is remembered.
        """
        work = asyncio.create_task(self._work(stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                deadline = asyncio.ensure_future(self._clock.sleep(self._limits.stop_seconds_max))
                await asyncio.wait((work, deadline), return_when=asyncio.FIRST_COMPLETED)
                await _cancel(deadline)
            if work.done():
                work.result()
            else:
                log.warning("%s: not finished in time, the next start does", self._source.name)
        except _GivenUp:
            log.info("%s: stopped while it was away: %s", self._source.name, self.trouble)
        except SourceLost as lost:
            log.info("%s: given to another process: %s", self._source.name, lost)
        finally:
            await _cancel(work)
            await _cancel(stopping)
            await self._source.close()

    async def _work(self, stop: asyncio.Event) -> None:
        batch = await self._begin(stop)
        fixed = batch is not None
        if batch is None:
            batch = await self._read(self.position, stop)
        while batch is not None:
            if not fixed:
                await self._remember(State(batch.start, batch.end), stop)
            batch, fixed = await self._step(batch, stop)

    async def _step(self, batch: Batch, stop: asyncio.Event) -> tuple[Batch | None, bool]:
        """Write a batch whose boundaries are fixed; return the next one and if it is fixed too."""
        last = stop.is_set()
        ahead = asyncio.create_task(_nothing() if last else self._read(batch.end, stop))
        try:
            written = await self._write(batch, stop)
            self.position = written.end
            if written.end != batch.end and not last:
                await _cancel(ahead)
                ahead = asyncio.create_task(self._read(written.end, stop))
            following = ahead.result() if ahead.done() else None
            if following is not None and not self._sink.remembers:
                await self._remember(State(following.start, following.end), stop)
                return following, True
            await self._remember(State.done(written.end), stop, anyway=True)
            return await ahead, False
        finally:
            await _cancel(ahead)

    async def _begin(self, stop: asyncio.Event) -> Batch | None:
        """Find the position to start at; return the batch to write again, if there is one."""
        state, span = await self._persist(self._source.recall, stop)
        if self._sink.remembers:
            state = _later(
                state, await self._persist(lambda: self._sink.written(self._source.name), stop)
            )
        case = case_of(state, span)
        if case.action is Action.START or state is None:
            self.position = span.start
            return None
        self.position = state.position
        if case.action is Action.CONTINUE:
            return None
        if case.action is Action.SKIP:
            self.position = max(state.end, span.start)
            log.error(
                "%s: positions %d to %d are gone. %s",
                self._source.name, state.position, self.position, case.why,
            )  # fmt: skip
            return None
        fixed = state
        batch = await self._persist(lambda: self._source.replay(fixed.position, fixed.end), stop)
        if case.action is Action.REPLAY_REST:
            log.error("%s: only %d rows of %s are left", self._source.name, batch.rows, batch.name)
        self._tally.replays += 1
        return batch.leaving_out(state.reasons) if state.reasons else batch

    async def _read(self, position: int, stop: asyncio.Event) -> Batch | None:
        return await self._persist(lambda: self._source.read(position, stop), stop)

    async def _remember(self, state: State, stop: asyncio.Event, *, anyway: bool = False) -> None:
        if anyway or not self._sink.remembers:
            await self._persist(lambda: self._source.remember(state), stop)

    async def _write(self, batch: Batch, stop: asyncio.Event) -> Batch:
        """Write the batch; return it, or the shorter one that was written in its place."""
        for attempt in itertools.count():
            self.writing_since = begun = self._clock.monotonic()
            try:
                try:
                    await self._sink.write(batch)
                finally:
                    self.writing_since = None
            except SinkAway as away:
                await self._wait(attempt, str(away), stop)
            except RowsRefused as refused:
                batch, reasons = await self._cut(batch, refused.reasons, stop)
                if self._too_many(batch, reasons):
                    await self._wait(attempt, self._mismatch(batch, reasons), stop)
                else:
                    batch = await self._decide(batch, reasons, stop)
            else:
                self.trouble = ""
                self._tally.count(batch, self._clock.monotonic() - begun)
                break
        return batch

    async def _cut(
        self, batch: Batch, reasons: Mapping[int, str], stop: asyncio.Event
    ) -> tuple[Batch, Mapping[int, str]]:
        """Cut off what follows the refused rows that the source can remember, and fix that.

        Safe, since the sink took nothing of the longer range.
        """
        refused = sorted(reasons)
        beyond = refused[self._source.refusals_max :]
        if not beyond or batch.left_out:
            return batch, reasons
        start, end = batch.start, beyond[0]
        shorter = await self._persist(lambda: self._source.replay(start, end), stop)
        await self._remember(State(start, end), stop)
        return shorter, {position: reasons[position] for position in refused if position < end}

    async def _decide(self, batch: Batch, reasons: Mapping[int, str], stop: asyncio.Event) -> Batch:
        """Leave these rows out of the batch, and make that durable before it is written."""
        decided = batch.leaving_out(reasons)
        known = {refusal.position: refusal.reason for refusal in decided.refusals}
        kept = {position: known.get(position, "") for position in decided.left_out}
        await self._remember(State(batch.start, batch.end, kept), stop)
        return decided

    def _too_many(self, batch: Batch, reasons: Mapping[int, str]) -> bool:
        share = (len(reasons) + len(batch.left_out)) / max(batch.rows, 1)
        return batch.rows >= SHARE_ROWS_MIN and share > self._limits.dead_letter_share_max

    def _mismatch(self, batch: Batch, reasons: Mapping[int, str]) -> str:
        position, reason = next(iter(reasons.items()))
        return (
            f"{len(reasons)} of {batch.rows} rows of {batch.name} are refused, more than "
            "consumer.dead_letter_share_max allows: most likely the table is not as this version "
            f"needs it (heliograph migrate). Row at {position}: {reason}"
        )

    async def _persist(self, verb: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T:
        """Call a verb until it answers; raises _GivenUp when told to stop while it is away."""
        for attempt in itertools.count():
            try:
                answer = await verb()
            except (SourceAway, SinkAway) as away:
                await self._wait(attempt, str(away), stop)
            else:
                if attempt:
                    self.trouble = ""
                return answer
        raise AssertionError("count() has no end")

    async def _wait(self, attempt: int, trouble: str, stop: asyncio.Event) -> None:
        """Wait before the next try: exponential, with full jitter; raises _GivenUp on `stop`."""
        if not self.trouble:
            self.trouble_since = self._clock.monotonic()
            log.warning("%s: %s", self._source.name, trouble)
        self.trouble = trouble
        self._tally.retries += 1
        if stop.is_set():
            raise _GivenUp
        limits = self._limits
        ceiling = min(limits.retry_seconds_max, limits.retry_seconds_min * 2 ** min(attempt, 30))
        stopping = asyncio.create_task(stop.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(ceiling * self._clock.random()))
        try:
            await asyncio.wait((stopping, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(stopping)
            await _cancel(sleeping)
        if stop.is_set():
            raise _GivenUp


async def _nothing() -> None:
    return None


def _later(state: State | None, written: int | None) -> State | None:
    """Return the later of what the source and the sink remember."""
    if written is None or (state is not None and state.position >= written):
        return state
    return State.done(written)


async def _cancel(task: asyncio.Future[T]) -> None:
    """Cancel a task and wait until it has ended; its outcome no longer matters to anyone."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
