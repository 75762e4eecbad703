"""The pump moves each line once, whatever fails and wherever it crashes."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.delivery import Batch, Refusal, SourceLost, State
from schemas.pump import Pump, Tally
from schemas.restart_cases import CASES, Action, Case, Held, Memory, case_of
from tests.schemas.delivery_fakes import (
    LIMITS,
    Crash,
    Disk,
    Fault,
    MemorySource,
    Script,
    TokenSink,
    TransactionSink,
    VirtualTime,
    pump,
)

SEEDS = st.integers(0, 2**32)


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until the condition holds; the test's timeout is the deadline."""
    while not condition():  # noqa: ASYNC110 - virtual time has no events
        await asyncio.sleep(0)


def numbered(kinds: list[bytes]) -> list[bytes]:
    return [b"%s-%d" % (kind, number) for number, kind in enumerate(kinds)]


async def live(
    disk: Disk,
    sink: TokenSink | TransactionSink,
    source_script: Script,
    sink_script: Script,
    sizes: list[int],
    refusals_max: int = 1000,
) -> None:
    """One life of a process: until everything is written, or it dies."""
    source = MemorySource(disk, source_script, sizes, refusals_max=refusals_max)
    sink.script = sink_script
    await pump(source, sink, VirtualTime()).run(asyncio.Event())
    assert source.closed


def script(random: Random) -> Script:
    """Return a script in which most calls work, or no life would get far."""
    faults = [*[Fault.NONE] * 12, Fault.AWAY, Fault.AWAY_DONE, Fault.CRASH, Fault.CRASH_DONE]
    return Script(random.choices(faults, k=30))


async def lives(
    random: Random, disk: Disk, sink: TokenSink | TransactionSink, refusals_max: int = 1000
) -> None:
    """Live until all is written; batches have other sizes in each life."""
    for _ in range(random.randrange(8)):
        sizes = [random.randint(1, 6) for _ in range(8)]
        with contextlib.suppress(Crash):
            await live(disk, sink, script(random), script(random), sizes, refusals_max)
        if random.random() < 0.2:
            sink.lenient = True
    await live(disk, sink, Script(), Script(), [], refusals_max)


@settings(max_examples=1000, deadline=None)
@given(seed=SEEDS)
def test_each_line_is_written_once(seed: int) -> None:
    random = Random(seed)
    kinds = random.choices((b"good", b"bad"), (4, 1), k=random.randint(1, 25))
    lines = numbered(kinds)
    disk, sink = Disk(lines), TokenSink()
    asyncio.run(lives(random, disk, sink, refusals_max=random.randint(1, 4)))
    dead = [raw for _, raw, _ in sink.dead]
    assert Counter(sink.rows + dead) == Counter(lines)
    assert all(line.startswith(b"bad") for line in dead)
    assert all(disk.lines[position] == raw for position, raw, _ in sink.dead)
    assert disk.state == State.done(disk.end)


@settings(max_examples=500, deadline=None)
@given(seed=SEEDS)
def test_a_sink_that_remembers_positions_gets_each_line_once(seed: int) -> None:
    random = Random(seed)
    lines = numbered([b"good"] * random.randint(1, 25))
    disk, sink = Disk(lines), TransactionSink()
    asyncio.run(lives(random, disk, sink))
    assert sink.rows == lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.memory.name}-{case.held.name}")
async def test_restart_case(case: Case) -> None:
    disk = Disk(numbered([b"good"] * 6))
    starts = sorted(disk.lines)
    start, end = starts[2], starts[4]
    disk.state = {
        Memory.NOTHING: None,
        Memory.DONE: State.done(start),
        Memory.FIXED: State(start, end),
        Memory.DECIDED: State(start, end, {starts[3]: "was bad"}),
    }[case.memory]
    kept: dict[Held, Callable[[int], bool]] = {
        Held.WHOLE: lambda at: True,
        Held.HEAD_GONE: lambda at: at > start,
        Held.TAIL_GONE: lambda at: at <= start,
        Held.LATER_ONLY: lambda at: at >= end,
        Held.EARLIER_ONLY: lambda at: at < starts[1],
    }
    disk.lines = {at: line for at, line in disk.lines.items() if kept[case.held](at)}
    assert case_of(disk.state, disk.span()) is case

    sink = TokenSink()
    await live(disk, sink, Script(), Script(), [])

    first = sink.writes[0] if sink.writes else None
    if case.action in (Action.REPLAY, Action.REPLAY_REST):
        assert first is not None
        assert first.name == f"memory:{start}-{end}"
        assert (first.token != first.name) == (case.memory is Memory.DECIDED)
    else:
        begin = {Action.START: 0, Action.CONTINUE: start, Action.SKIP: end}[case.action]
        assert first is None or first.start == max(begin, disk.span().start)
    written = Counter(sink.rows) + Counter(raw for _, raw, _ in sink.dead)
    behind = 0 if case.memory is Memory.NOTHING else start
    assert written == Counter(line for at, line in disk.lines.items() if at >= behind)


def test_every_situation_has_a_case() -> None:
    situations = {(case.memory, case.held) for case in CASES}
    assert len(situations) == len(CASES)
    ranged = {(memory, held) for memory in (Memory.FIXED, Memory.DECIDED) for held in Held}
    assert ranged < situations


async def test_waits_grow_to_a_ceiling_and_are_counted() -> None:
    disk, sink, time = Disk([b"good"]), TokenSink(), VirtualTime()
    sink.script = Script([Fault.AWAY] * 8)
    tally = Tally()
    source = MemorySource(disk, Script())
    await Pump(source, sink, limits=LIMITS, tally=tally, clock=time.clock(1.0)).run(asyncio.Event())
    assert time.slept[:8] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2])
    assert (tally.retries, tally.rows, tally.batches) == (8, 1, 1)


async def test_stopped_while_the_sink_is_away_leaves_the_range_fixed() -> None:
    disk, sink, stop = Disk([b"good"]), TokenSink(), asyncio.Event()
    sink.script = Script([Fault.AWAY] * 1_000_000)
    time = VirtualTime()
    one = pump(MemorySource(disk, Script()), sink, time)
    running = asyncio.create_task(one.run(stop))
    await until(lambda: bool(one.trouble))
    stop.set()
    await running
    assert disk.state == State(0, disk.end)
    await live(disk, sink, Script(), Script(), [])
    assert sink.rows == [b"good"]


async def test_a_sink_that_never_answers_does_not_outlast_the_deadline() -> None:
    class Hanging(TokenSink):
        async def write(self, batch: Batch) -> None:
            stop.set()
            await asyncio.Event().wait()

    disk, stop, time = Disk([b"good"]), asyncio.Event(), VirtualTime()
    source = MemorySource(disk, Script())
    limits = replace(LIMITS, stop_seconds_max=3)
    await Pump(source, Hanging(), limits=limits, tally=Tally(), clock=time.clock()).run(stop)
    assert time.now == 3
    assert disk.state == State(0, disk.end)


async def test_a_source_given_away_ends_the_pump_without_a_mark() -> None:
    class Given(MemorySource):
        async def remember(self, state: State) -> None:
            raise SourceLost("rebalanced")

    disk, sink = Disk([b"good"]), TokenSink()
    await pump(Given(disk, Script()), sink, VirtualTime()).run(asyncio.Event())
    assert (disk.state, sink.rows) == (None, [])


async def test_a_fault_of_the_sink_stops_the_pump() -> None:
    class Broken(TokenSink):
        async def write(self, batch: Batch) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await pump(MemorySource(Disk([b"good"]), Script()), Broken(), VirtualTime()).run(
            asyncio.Event()
        )


async def test_too_many_refused_rows_are_a_wrong_table_not_wrong_rows() -> None:
    disk, sink, stop = Disk(numbered([b"bad"] * 60 + [b"good"] * 40)), TokenSink(), asyncio.Event()
    limits = replace(LIMITS, dead_letter_share_max=0.5)
    one = Pump(
        MemorySource(disk, Script()), sink, limits=limits, tally=Tally(),
        clock=VirtualTime().clock(),
    )  # fmt: skip
    running = asyncio.create_task(one.run(stop))
    await until(lambda: bool(one.trouble))
    stop.set()
    await running
    assert "consumer.dead_letter_share_max" in one.trouble
    assert (sink.rows, sink.dead) == ([], [])
    assert disk.state == State(0, disk.end)


async def test_a_cut_range_is_fixed_before_it_can_be_written() -> None:
    """Else a table that is mended meanwhile takes the cut range, and then all of it again."""
    lines = numbered([b"good"] * 100 + [b"bad"] * 60)
    disk, sink, stop = Disk(lines), TokenSink(), asyncio.Event()
    source = MemorySource(disk, Script(), refusals_max=50)
    limits = replace(LIMITS, dead_letter_share_max=0.1)
    one = Pump(source, sink, limits=limits, tally=Tally(), clock=VirtualTime().clock())
    running = asyncio.create_task(one.run(stop))
    await until(lambda: bool(one.trouble))
    sink.lenient = True
    sink.script = Script([Fault.CRASH_DONE])
    with pytest.raises(Crash):
        await running
    await live(disk, sink, Script(), Script(), [])
    assert Counter(sink.rows) == Counter(lines)


def test_a_token_says_which_rows_are_left_out() -> None:
    batch = Batch("s", 0, 9, b"aa\nbb\ncc\n", 3)
    one, other = batch.leaving_out({3: "x"}), batch.leaving_out({6: "x"})
    assert len({batch.token, one.token, other.token}) == 3
    assert one.token == batch.leaving_out({3: "another reason"}).token
    assert one.good_data() == b"aa\ncc\n"
    assert one.refusals == (Refusal(3, "x", b"bb"),)
    assert one.leaving_out({0: "y"}).left_out == (0, 3)


def test_a_row_that_is_gone_still_counts_for_the_token() -> None:
    whole = Batch("s", 0, 9, b"aa\nbb\ncc\n", 3).leaving_out({3: "x"})
    rest = Batch("s", 0, 9, b"cc\n", 1, base=6).leaving_out({3: "x"})
    assert rest.token == whole.token
    assert rest.good_data() == b"cc\n"
    assert rest.refusals == ()
