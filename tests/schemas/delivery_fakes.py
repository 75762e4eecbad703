"""A source and two sinks in memory, which fail and crash where a script says so."""

import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum

from schemas.delivery import Batch, RowsRefused, SinkAway, SourceAway, Span, State
from schemas.pump import Clock, Pump, PumpLimits, Tally

FOREVER = 1e9
LIMITS = PumpLimits(
    retry_seconds_min=0.1, retry_seconds_max=2, stop_seconds_max=FOREVER, dead_letter_share_max=1
)


class Fault(Enum):
    """What happens at one call of a verb."""

    NONE = "it works"
    AWAY = "it fails, nothing was done"
    AWAY_DONE = "it fails to answer, but it was done"
    CRASH = "the process dies before it"
    CRASH_DONE = "the process dies right after it"


class Crash(BaseException):
    """The process died here."""


class Script:
    """Deals out faults in order, then none."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)

    def before(self, away: type[Exception]) -> Fault:
        fault = self._faults.pop(0) if self._faults else Fault.NONE
        if fault is Fault.CRASH:
            raise Crash
        if fault is Fault.AWAY:
            raise away("away before")
        return fault

    @staticmethod
    def after(fault: Fault, away: type[Exception]) -> None:
        if fault is Fault.CRASH_DONE:
            raise Crash
        if fault is Fault.AWAY_DONE:
            raise away("away after")


class VirtualTime:
    """A clock that a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds >= FOREVER:
            await asyncio.Event().wait()
        self.now += seconds
        await asyncio.sleep(0)

    def clock(self, random: float = 0.5) -> Clock:
        return Clock(lambda: self.now, self.sleep, lambda: random)


class Disk:
    """What survives a crash of the pump: the lines, by position in bytes, and the state."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.lines: dict[int, bytes] = {}
        self.end = 0
        self.state: State | None = None
        for line in lines:
            self.lines[self.end] = line
            self.end += len(line) + 1

    def take(self, start: int, end: int) -> list[tuple[int, bytes]]:
        return [(at, line) for at, line in self.lines.items() if start <= at < end]

    def span(self) -> Span:
        start = min(self.lines, default=self.end)
        last = max(self.lines, default=start)
        return Span(start, last + len(self.lines[last]) + 1 if self.lines else start)


class MemorySource:
    """A source whose batches have the sizes a test gives, the rest all that is left.

    It sets `stop` when all it gave out is marked done and there is no more.
    """

    def __init__(
        self, disk: Disk, script: Script, sizes: Iterable[int] = (), *, refusals_max: int = 1000
    ) -> None:
        self.name = "memory"
        self.refusals_max = refusals_max
        self.closed = False
        self._disk = disk
        self._script = script
        self._sizes = list(sizes)
        self._given = -1

    def _unfinished(self) -> bool:
        state = self._disk.state
        return self._given >= 0 and (state is None or state.position <= self._given)

    async def recall(self) -> tuple[State | None, Span]:
        self._script.before(SourceAway)
        return self._disk.state, self._disk.span()

    async def remember(self, state: State) -> None:
        fault = self._script.before(SourceAway)
        await asyncio.sleep(0)
        self._disk.state = state
        self._script.after(fault, SourceAway)

    async def read(self, position: int, stop: asyncio.Event) -> Batch | None:
        self._script.before(SourceAway)
        await asyncio.sleep(0)
        size = self._sizes.pop(0) if self._sizes else len(self._disk.lines)
        rows = self._disk.take(position, self._disk.end)[:size]
        if not rows:
            while not stop.is_set() and self._unfinished():  # noqa: ASYNC110 - no events here
                await asyncio.sleep(0)
            stop.set()
            return None
        self._given = rows[-1][0]
        return self._batch(rows[0][0], rows[-1][0] + len(rows[-1][1]) + 1, rows)

    async def replay(self, start: int, end: int) -> Batch:
        self._script.before(SourceAway)
        self._given = start
        return self._batch(start, end, self._disk.take(start, end))

    async def close(self) -> None:
        self.closed = True

    def _batch(self, start: int, end: int, rows: list[tuple[int, bytes]]) -> Batch:
        data = b"".join(line + b"\n" for _, line in rows)
        base = rows[0][0] if rows else start
        return Batch(self.name, start, end, data, len(rows), base=base)


class TokenSink:
    """Drops a write whose token it knows without looking inside; refuses lines that say bad,
    until it is made lenient.
    """

    remembers = False

    def __init__(self) -> None:
        self.lenient = False
        self.script = Script()
        self.tokens: set[str] = set()
        self.rows: list[bytes] = []
        self.dead: list[tuple[int, bytes, str]] = []
        self.writes: list[Batch] = []

    async def written(self, source: str) -> int | None:
        return None

    async def write(self, batch: Batch) -> None:
        fault = self.script.before(SinkAway)
        await asyncio.sleep(0)
        self.writes.append(batch)
        refused = self._refused(batch)
        if refused:
            raise RowsRefused(refused)
        if batch.token not in self.tokens:
            self.tokens.add(batch.token)
            self.rows += [line for line in batch.good_data().split(b"\n") if line]
        await asyncio.sleep(0)
        self._between(fault)
        if batch.refusals and f"{batch.token}-dead" not in self.tokens:
            self.tokens.add(f"{batch.token}-dead")
            self.dead += [(one.position, one.raw, one.reason) for one in batch.refusals]
        self.script.after(fault, SinkAway)

    async def close(self) -> None:
        """Keep all."""

    def _between(self, fault: Fault) -> None:
        """Crash between the rows and their dead letters every other time."""
        if fault is Fault.CRASH_DONE and len(self.tokens) % 2:
            raise Crash

    def _refused(self, batch: Batch) -> Mapping[int, str]:
        if self.lenient:
            return {}
        rows = zip(batch.row_positions(), batch.lines(), strict=True)
        return {
            at: "bad" for at, line in rows if line.startswith(b"bad") and at not in batch.left_out
        }


class TransactionSink:
    """Takes rows and the position behind them in one step, and knows no tokens."""

    remembers = True

    def __init__(self) -> None:
        self.lenient = False
        self.script = Script()
        self.position: int | None = None
        self.rows: list[bytes] = []

    async def written(self, source: str) -> int | None:
        self.script.before(SinkAway)
        return self.position

    async def write(self, batch: Batch) -> None:
        fault = self.script.before(SinkAway)
        await asyncio.sleep(0)
        if self.position is None or batch.end > self.position:
            self.rows += batch.lines()
            self.position = batch.end
        self.script.after(fault, SinkAway)

    async def close(self) -> None:
        """Keep all."""


def pump(source: MemorySource, sink: TokenSink | TransactionSink, time: VirtualTime) -> Pump:
    return Pump(source, sink, limits=LIMITS, tally=Tally(), clock=time.clock())
