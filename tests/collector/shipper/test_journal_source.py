"""The shipper's source: when a range is handed out, what its checkpoint promises, its lock."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.journal_source import JournalSource, SourceLimits
from schemas.delivery import Batch, SourceAway, Span, State
from schemas.journal import checkpoint
from schemas.journal.held import PURGE_INTERVAL_SECONDS
from schemas.journal.segment import segments
from schemas.journal.writer import JournalWriter
from schemas.pump import Clock
from tests.support.hits import lines, open_journal

BYTES_MAX = 4000


class Time:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    journal = open_journal(tmp_path / "w", segment_bytes_max=2000)
    yield journal
    journal.close()


def source_of(
    writer: JournalWriter, clock: Time, prepared: list[Batch] | None = None
) -> JournalSource:
    async def prepare(batch: Batch) -> None:
        if prepared is not None:
            prepared.append(batch)

    return JournalSource(
        writer.folder,
        limits=SourceLimits(BYTES_MAX, linger_seconds=0.5, poll_seconds=0.01),
        readers=("kafka",),
        prepare=prepare,
        clock=Clock(lambda: clock.now, clock.sleep, lambda: 0.0),
    )


async def test_a_range_that_is_not_full_waits_for_more(writer: JournalWriter) -> None:
    clock, prepared = Time(), list[Batch]()
    source = source_of(writer, clock, prepared)
    writer.append(lines(range(3)))
    batch = await source.read(0, asyncio.Event())
    assert batch is not None
    assert (batch.start, batch.end, batch.rows) == (0, writer.position, 3)
    assert clock.slept == [0.5]
    assert prepared == [batch]
    await source.close()


async def test_what_comes_while_it_waits_goes_with_it(writer: JournalWriter) -> None:
    clock = Time()
    source = source_of(writer, clock)
    writer.append(lines(range(3)))
    reading = asyncio.create_task(source.read(0, asyncio.Event()))
    await asyncio.sleep(0)
    writer.append(lines(range(3, 5)))
    batch = await reading
    assert batch is not None
    assert batch.rows == 5
    await source.close()


async def test_a_full_range_is_handed_out_at_once(writer: JournalWriter) -> None:
    clock = Time()
    source = source_of(writer, clock)
    writer.append(lines(range(40)))
    batch = await source.read(0, asyncio.Event())
    assert batch is not None
    assert 0 < len(batch.data) <= BYTES_MAX
    assert clock.slept == []
    await source.close()


async def test_told_to_stop_it_hands_out_what_is_there_then_nothing(writer: JournalWriter) -> None:
    source = source_of(writer, Time())
    stop = asyncio.Event()
    stop.set()
    writer.append(lines(range(2)))
    batch = await source.read(0, stop)
    assert batch is not None
    assert await source.read(batch.end, stop) is None
    await source.close()


async def test_a_range_is_in_the_checkpoint_before_it_is_handed_out(writer: JournalWriter) -> None:
    """So that a writer after a power cut does not give its positions to other lines."""
    source = source_of(writer, Time())
    writer.append(lines(range(3)))
    batch = await source.read(0, asyncio.Event())
    assert batch is not None
    assert checkpoint.load(writer.folder, "kafka") == {"position": 0, "end": batch.end}
    assert checkpoint.furthest_position(writer.folder) == batch.end
    await source.remember(State.done(batch.end))
    assert checkpoint.load(writer.folder, "kafka") == {"position": batch.end, "end": batch.end}
    await source.close()


async def test_the_power_cut_that_takes_shipped_lines(
    tmp_path: Path, writer: JournalWriter
) -> None:
    source = source_of(writer, Time())
    writer.append(lines(range(3)))
    batch = await source.read(0, asyncio.Event())
    assert batch is not None
    writer.close()
    for segment in segments(writer.folder):
        segment.path.unlink()
    again = open_journal(writer.folder)
    assert again.position == batch.end
    again.append(lines(range(3, 4)))
    following = await source.read(batch.end, asyncio.Event())
    assert following is not None
    assert following.data == lines([3])[0]
    again.close()
    await source.close()


async def test_recall_is_the_checkpoint_and_what_is_held(writer: JournalWriter) -> None:
    source = source_of(writer, Time())
    writer.append(lines(range(3)))
    assert await source.recall() == (None, Span(0, writer.position))
    await source.remember(State.done(10))
    assert await source.recall() == (State.done(10), Span(0, writer.position))
    await source.close()


async def test_one_process_ships_a_journal(writer: JournalWriter) -> None:
    one, other = source_of(writer, Time()), source_of(writer, Time())
    await one.recall()
    with pytest.raises(SourceAway, match="another process"):
        await other.recall()
    await one.close()
    await other.recall()
    await other.close()


async def test_segments_that_are_shipped_are_deleted_though_nothing_comes(
    writer: JournalWriter,
) -> None:
    clock = Time()
    source = source_of(writer, clock)
    for number in range(20):
        writer.append(lines(range(number * 5, number * 5 + 5)))
    await source.remember(State.done(writer.position))
    assert len(segments(writer.folder)) > 1
    clock.now += PURGE_INTERVAL_SECONDS
    stop = asyncio.Event()
    stop.set()
    assert await source.read(writer.position, stop) is None
    assert len(segments(writer.folder)) == 1
    await source.close()


async def test_how_far_behind_it_is(writer: JournalWriter) -> None:
    source = source_of(writer, Time())
    writer.append(lines(range(3)))
    first = len(lines([0])[0])
    assert source.behind(first) == writer.position - first
    assert lines([1])[0].startswith(source.head_at(first)[:80])
    await source.close()
