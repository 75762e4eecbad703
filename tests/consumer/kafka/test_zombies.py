"""Owners of one partition that follow one another at any point, while the former ones go on.

Hypothesis gives out what each commit and each write meets: another owner may come just before or
just after it, an answer may be lost. A former owner keeps running, inserts late, and tries to
commit. In the end each row is written once, by a store that knows tokens and nothing else.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum

from hypothesis import given
from hypothesis import strategies as st

from consumer.budget import Budget
from consumer.journal_source import BatchLimits
from consumer.kafka_source import KafkaSource
from schemas.delivery import Batch, SinkAway, SourceAway, SourceLost
from schemas.pump import Clock, Pump, PumpLimits, Tally
from tests.consumer.kafka.fake_log import FakeLog, LeasedLog
from tests.schemas.delivery_fakes import TokenSink

LIMITS = PumpLimits(
    retry_seconds_min=0, retry_seconds_max=0.001, stop_seconds_max=60, dead_letter_share_max=1
)
TURNS_MAX = 20_000


class Event(Enum):
    """What one commit, or one write, meets."""

    FINE = "it works"
    AWAY = "it is refused for now, and not done"
    LOST = "it is done, its answer is lost"
    TAKEN_BEFORE = "another owner comes just before it"
    TAKEN_AFTER = "another owner comes just after it, before its answer"
    LATE = "it takes long"


class World:
    """One log, one store, and owners."""

    def __init__(self, log: FakeLog, events: Sequence[Event], rows_max: Sequence[int]) -> None:
        self.log = log
        self.sink = TokenSink()
        self.stop = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self._events = list(events)
        self._rows_max = rows_max
        self._turns = 0

    def event(self) -> Event:
        return self._events.pop(0) if self._events else Event.FINE

    def take_over(self) -> None:
        source = KafkaSource(
            Lease(self, self.log.lease()),
            # Each owner cuts batches of its own, or tokens would agree by luck.
            limits=BatchLimits(self._rows_max[len(self.tasks) % len(self._rows_max)], 10**6, 2, 1),
            budget=Budget(10**9),
            clock=self.clock(),
            any_kept=self._nothing_kept,
        )
        pump = Pump(source, Store(self), limits=LIMITS, tally=Tally(), clock=self.clock())
        self.tasks.append(asyncio.create_task(pump.run(self.stop)))

    def clock(self) -> Clock:
        return Clock(lambda: float(self._turns), self._sleep, lambda: 0.5)

    async def run(self) -> None:
        self.take_over()
        while not self.done():
            self._turns += 1
            assert self._turns < TURNS_MAX, "it does not get done"
            await asyncio.sleep(0)
            if all(task.done() for task in self.tasks):
                self.take_over()
        self.stop.set()
        await asyncio.gather(*self.tasks)

    def done(self) -> bool:
        saved = self.log.saved
        return saved is not None and saved[0] > self.log.rows[-1][0] and '"end"' not in saved[1]

    async def _sleep(self, seconds: float) -> None:
        for _ in range(1 + round(seconds * 3)):
            await asyncio.sleep(0)

    async def _nothing_kept(self, lines: Sequence[bytes]) -> bool:
        return False


class Lease(LeasedLog):
    """A lease whose commits meet events."""

    def __init__(self, world: World, lease: LeasedLog) -> None:
        super().__init__(world.log, lease._generation)
        self._world = world

    async def commit(self, offset: int, metadata: str) -> None:
        event = self._world.event()
        if event is Event.TAKEN_BEFORE:
            self._world.take_over()
        await asyncio.sleep(0)
        if event is Event.AWAY:
            raise SourceAway("not done")
        await super().commit(offset, metadata)
        if event is Event.TAKEN_AFTER:
            self._world.take_over()
        if event in (Event.LOST, Event.TAKEN_AFTER):
            # Of unknown outcome: this lease is given up (consumer.kafka_member).
            self.over = True
            raise SourceLost("no answer")


class Store:
    """The shared sink, whose writes meet events."""

    remembers = False

    def __init__(self, world: World) -> None:
        self._world = world

    async def written(self, source: str) -> int | None:
        return None

    async def write(self, batch: Batch) -> None:
        event = self._world.event()
        if event in (Event.TAKEN_BEFORE, Event.LATE):
            if event is Event.TAKEN_BEFORE:
                self._world.take_over()
            for _ in range(60):
                await asyncio.sleep(0)
        if event is Event.AWAY:
            raise SinkAway("not done")
        await self._world.sink.write(batch)
        if event is Event.TAKEN_AFTER:
            self._world.take_over()
        if event is Event.LOST:
            raise SinkAway("no answer")

    async def close(self) -> None:
        """Keep all."""


kinds = st.sampled_from(["append", "abort", "skip", "poison", "bad"])


@given(
    steps=st.lists(st.tuples(kinds, st.integers(1, 6)), min_size=3, max_size=10),
    events=st.lists(st.sampled_from(Event), max_size=25),
    rows_max=st.lists(st.integers(1, 12), min_size=2, max_size=4),
    piece_batches=st.integers(1, 4),
)
def test_whoever_owns_it_when_each_row_is_written_once(
    steps: Sequence[tuple[str, int]],
    events: Sequence[Event],
    rows_max: Sequence[int],
    piece_batches: int,
) -> None:
    async def play() -> World:
        log = FakeLog(piece_batches=piece_batches)
        for kind, count in [*steps, ("append", 3)]:
            lines = [b"row %d" % (log.end + index) for index in range(count)]
            if kind == "append":
                log.append(lines)
            elif kind == "abort":
                log.abort(lines)
            elif kind == "skip":
                log.skip(count)
            elif kind == "poison":
                log.append([None, *lines])
            else:
                log.append([*lines, b"bad %d" % log.end])
        world = World(log, events, rows_max)
        await world.run()
        return world

    world = asyncio.run(play())
    rows = world.log.rows
    good = [value for _, value in rows if value is not None and not value.startswith(b"bad")]
    assert sorted(world.sink.rows) == sorted(good)
    dead = [(at, value or b"") for at, value in rows if value is None or value.startswith(b"bad")]
    assert sorted((at, raw) for at, raw, _ in world.sink.dead) == sorted(dead)
