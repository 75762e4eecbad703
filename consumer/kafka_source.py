"""One partition as a source: committed records by offset, the state in the offset commit.

A position is an offset, and counts in `name`, which a topic made anew changes. The offset committed
is the state's position; its metadata has the end of the range under way and the rows refused in it
(`schemas.kafka_record`), so the group's coordinator is the one memory there is.

Why a partition that moves is safe: a range is committed under the lease before it is inserted, and
whoever gets the partition reads the state in a later generation. So the next owner repeats exactly
what a former one may still be inserting, under the same token, or the former one's commit is
refused and it inserts nothing (docs/kafka-consumer.md has the cases).

Must not know what a sink is, nor how Kafka is spoken to.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consumer.budget import Budget
from consumer.journal_source import BatchLimits
from consumer.kafka_fetcher import Feed, OutOfRange
from consumer.kafka_reader import Reader
from consumer.kafka_records import Lines, Offsets
from schemas.delivery import Batch, SourceAway, SourceLost, Span, State
from schemas.errors import Explained
from schemas.kafka_record import REFUSALS_MAX, decode_state, encode_state
from schemas.pump import Clock

# Oldest rows that are looked for in the store when the group has no state.
SAMPLE_ROWS = 20
HOW_TO_GO_ON = (
    "Stop the consumers and say where to go on: kafka-consumer-groups.sh --reset-offsets, see "
    "docs/kafka-consumer.md"
)


class ForeignOffsets(Explained):
    """Another program commits offsets under our group's name."""


class Partition(Protocol):
    """The Kafka side of a source: one partition under one lease."""

    @property
    def name(self) -> str:
        """What its offsets count in."""

    @property
    def feed(self) -> Feed:
        """What is fetched of it."""

    async def span(self) -> Span:
        """Return the offsets it holds now. Raises SourceAway."""

    async def committed(self) -> tuple[int, str] | None:
        """Return offset and metadata that the group has, None if none. Raises SourceAway."""

    async def commit(self, offset: int, metadata: str) -> None:
        """Commit under the lease. Raises SourceAway (not done), SourceLost (over, or may be)."""

    def drop(self) -> None:
        """Fetch nothing more."""


@dataclass(slots=True)
class _Held:
    """A batch in memory: its size, and when its first record was made (ms)."""

    size: int
    time_ms: int


@dataclass(slots=True)
class _Taken:
    """Lines taken for a batch that ends at `end`."""

    end: int
    lines: list[Lines] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    since: float | None = None


class KafkaSource:
    """Reads one partition for the consumer; see `schemas.delivery.Source` for the verbs.

    `again` tells why the pump returned: the partition is still ours, but the position is gone.
    """

    refusals_max = REFUSALS_MAX

    def __init__(
        self,
        partition: Partition,
        *,
        limits: BatchLimits,
        budget: Budget,
        clock: Clock,
        any_kept: Callable[[Sequence[bytes]], Awaitable[bool]],
    ) -> None:
        """Prepare; `any_kept` says if the store has one of these hits, and raises SinkAway."""
        self.again = False
        self._partition = partition
        self._reader = Reader(partition.feed, partition.name)
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._any_kept = any_kept
        # Batches in memory by their start, the one being gathered too.
        self._held: dict[int, _Held] = {}

    @property
    def name(self) -> str:
        """Topic, partition and the topic's id."""
        return self._partition.name

    async def recall(self) -> tuple[State | None, Span]:
        """Return the group's state of the partition, and what the partition holds.

        Raises SourceAway, also when the partition ends before what was read of it, and when nothing
        is remembered but the store has its oldest hits; SourceLost, ForeignOffsets.
        """
        saved = await self._partition.committed()
        span = await self._partition.span()
        state = None if saved is None else self._state(*saved)
        if state is None:
            await self._refuse_known(span)
        elif span.end < state.end:
            raise SourceAway(
                f"{self.name} ends at {span.end}, but was read up to {state.end}: Kafka has lost "
                "records that it had confirmed (an unclean leader election?) and gives their "
                f"offsets to others. {HOW_TO_GO_ON}"
            )
        return state, span

    async def remember(self, state: State) -> None:
        """Commit the state, let go of batches before it. Raises SourceAway, SourceLost."""
        await self._partition.commit(state.position, encode_state(state, self.name))
        self._release(start for start in self._held if start < state.position)

    async def read(self, position: int, stop: asyncio.Event) -> Batch | None:
        """Return the next batch; waits while there is none, or no room for it in memory."""
        self._release(start for start in self._held if start >= position)
        if self._reader.next != position:
            self._reader.seek(position)
        taken = _Taken(position)
        try:
            await self._gather(taken, position, stop)
        except OutOfRange as error:
            self.again = True
            raise SourceLost(str(error)) from error
        return self._batch(position, taken) if taken.rows else None

    async def replay(self, start: int, end: int) -> Batch:
        """Return what is left of the range; does not wait for room, since it comes first."""
        self._release(held for held in self._held if held >= start)
        taken, reader = _Taken(end), self._reader
        reader.seek(start, end)
        while reader.next < end:
            try:
                lines = reader.take()
            except OutOfRange as error:
                first = (await self._partition.span()).start
                if first <= reader.next:
                    raise SourceAway(str(error)) from error
                reader.seek(min(first, end), end)
                continue
            if lines is None:
                await reader.arrived.wait()
            else:
                self._add(taken, start, lines)
        reader.seek(end)
        return self._batch(start, taken)

    def behind(self, position: int) -> int:
        """Return how many offsets there are from `position` on, control records included."""
        high = self._reader.feed.high_watermark
        # Control records alone are read past, but make no batch that would move the position.
        seen = position if self._held else max(position, self._reader.next)
        return 0 if high is None else max(0, high - seen)

    def oldest_ms(self) -> int | None:
        """Return when the oldest record in memory was made, None if there is none."""
        if self._held:
            return min(held.time_ms for held in self._held.values())
        return self._reader.feed.oldest_ms()

    async def close(self) -> None:
        """Forget what was read, fetch nothing more."""
        self._partition.drop()
        self._release(list(self._held))

    def _state(self, offset: int, metadata: str) -> State | None:
        try:
            return decode_state(offset, metadata, self.name)
        except ValueError as error:
            raise ForeignOffsets(
                f"another program commits offsets of {self.name} in our group: give one of them "
                f"another name (kafka.consumer_group). {error}"
            ) from error

    async def _refuse_known(self, span: Span) -> None:
        """Raise SourceAway if the store has hits of a partition of which nothing is remembered."""
        reader, sample = self._reader, list[bytes]()
        reader.seek(span.start, span.end)
        while reader.next < span.end and len(sample) < SAMPLE_ROWS:
            try:
                lines = reader.take()
            except OutOfRange as error:
                raise SourceAway(str(error)) from error
            if lines is None:
                await reader.arrived.wait()
            else:
                sample += lines.data.split(b"\n", SAMPLE_ROWS)[: min(lines.rows, SAMPLE_ROWS)]
        reader.seek(span.start)
        if sample and await self._any_kept(sample):
            raise SourceAway(
                f"the group has no offset of {self.name}, but the store has its oldest hits, which "
                "would be there twice: Kafka forgets a group that is away for longer than "
                f"offsets.retention.minutes, or kafka.consumer_group was changed. {HOW_TO_GO_ON}"
            )

    async def _gather(self, taken: _Taken, position: int, stop: asyncio.Event) -> None:
        """Take lines until the batch is full or old enough, memory is full, or `stop` is set."""
        limits, budget = self._limits, self._budget
        while taken.rows < limits.rows_max and taken.size < limits.bytes_max:
            if taken.rows and (stop.is_set() or budget.full or self._left(taken) <= 0):
                return
            try:
                lines = None if budget.full else self._reader.take()
            except (SourceAway, OutOfRange):
                if taken.rows:
                    return  # it is met again behind this batch
                raise
            if lines is not None:
                taken.end = lines.next_offset
                self._add(taken, position, lines)
                # A batch of records takes about a millisecond; others want the loop too.
                await asyncio.sleep(0)
            elif stop.is_set():
                return
            else:
                await self._news(taken, stop)

    def _left(self, taken: _Taken) -> float:
        """Return in how many seconds the batch is old enough."""
        if taken.since is None:
            return math.inf
        return taken.since + self._limits.age_seconds_max - self._clock.monotonic()

    async def _news(self, taken: _Taken, stop: asyncio.Event) -> None:
        """Wait for more to take (for room, if memory is full), the batch's age, or `stop`."""
        event = self._reader.arrived
        if self._budget.full:
            event = self._budget.released
            event.clear()
        waiting = [asyncio.ensure_future(one.wait()) for one in (stop, event)]
        left = self._left(taken)
        sleeping = asyncio.ensure_future(self._clock.sleep(left)) if left < math.inf else None
        try:
            everything = [*waiting, sleeping] if sleeping else waiting
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (*waiting, *([sleeping] if sleeping else ())):
                one.cancel()

    def _add(self, taken: _Taken, start: int, lines: Lines) -> None:
        """Put lines to the batch that begins at `start`."""
        if not (lines.rows or lines.refusals):
            return
        taken.lines.append(lines)
        taken.rows += lines.rows + len(lines.refusals)
        taken.size += lines.size
        if taken.since is None:
            taken.since = self._clock.monotonic()
        held = self._held.setdefault(start, _Held(0, lines.time_ms))
        held.size += lines.size
        self._budget.take(lines.size)

    def _release(self, starts: Iterable[int]) -> None:
        for start in list(starts):
            self._budget.give_back(self._held.pop(start).size)

    def _batch(self, start: int, taken: _Taken) -> Batch:
        return Batch(
            self.name,
            start,
            taken.end,
            b"".join([lines.data for lines in taken.lines]),
            sum(lines.rows for lines in taken.lines),
            positions=Offsets([run for lines in taken.lines for run in lines.runs]),
            refusals=tuple(refusal for lines in taken.lines for refusal in lines.refusals),
        )
