"""The journal as a source: batches, checkpoint, lock, gaps, a full disk."""

import asyncio
import errno
from pathlib import Path

import pytest

from consumer.journal_source import BatchLimits, JournalSource, Room
from schemas.delivery import SourceAway, Span, State
from schemas.journal import checkpoint
from schemas.journal.segment import segments
from tests.schemas.delivery_fakes import VirtualTime
from tests.support.hits import line, lines, open_journal, write_journal


def write_segments(folder: Path, count: int) -> None:
    """Write a journal of so many segments, the last one with one line."""
    writer = open_journal(folder)
    while len(segments(folder)) < count:
        writer.append(lines(range(1000)))
    writer.close()


LIMITS = BatchLimits(
    rows_max=1000, bytes_max=1024 * 1024, age_seconds_max=0.5, poll_interval_seconds=0.05
)


def open_source(
    folder: Path,
    *,
    limits: BatchLimits = LIMITS,
    room: Room | None = None,
    time: VirtualTime | None = None,
) -> JournalSource:
    return JournalSource(
        folder,
        limits=limits,
        room=room or Room(4),
        readers=("clickhouse",),
        clock=(time or VirtualTime()).clock(),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "worker-0"


async def test_a_batch_is_given_at_its_age_and_never_before(folder: Path) -> None:
    write_journal(folder, range(10))
    time = VirtualTime()
    batch = await open_source(folder, time=time).read(0, asyncio.Event())
    assert batch is not None
    assert (batch.rows, batch.start) == (10, 0)
    assert time.now == pytest.approx(0.5)


async def test_a_full_batch_does_not_wait(folder: Path) -> None:
    write_segments(folder, 3)
    time = VirtualTime()
    source = open_source(folder, time=time)
    position, stop = 0, asyncio.Event()
    while source.behind(position) > LIMITS.bytes_max:
        batch = await source.read(position, stop)
        assert batch is not None
        assert batch.start == position
        assert batch.rows == len(batch.lines()) <= LIMITS.rows_max
        await source.remember(State.done(batch.end))
        position = batch.end
    assert position > LIMITS.bytes_max
    assert time.now == 0


async def test_told_to_stop_it_gives_what_there_is(folder: Path) -> None:
    write_journal(folder, range(3))
    stop = asyncio.Event()
    stop.set()
    source, time = open_source(folder), VirtualTime()
    batch = await source.read(0, stop)
    assert batch is not None
    assert batch.rows == 3
    assert await source.read(batch.end, stop) is None
    assert time.now == 0


async def test_no_room_no_batch_until_one_is_done(folder: Path) -> None:
    write_journal(folder, range(3000))
    room = Room(1)
    source, stop = open_source(folder, room=room), asyncio.Event()
    first = await source.read(0, stop)
    assert first is not None
    second = asyncio.create_task(source.read(first.end, stop))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done()
    await source.remember(State(first.end, first.end))
    batch = await second
    assert batch is not None
    assert batch.start == first.end
    await source.close()
    assert room.batches == 0


async def test_a_batch_read_in_vain_gives_its_room_back(folder: Path) -> None:
    write_journal(folder, range(3000))
    room, stop = Room(2), asyncio.Event()
    source = open_source(folder, room=room)
    for _ in range(5):
        assert await source.read(0, stop) is not None
    assert room.batches == 1


async def test_a_state_is_what_the_next_one_recalls(folder: Path) -> None:
    write_journal(folder, range(10))
    source = open_source(folder)
    assert await source.recall() == (None, Span(0, sum(map(len, lines(range(10))))))
    state = State(0, len(line(0)) * 2, {0: "bad \u20ac", 5: ""})
    await source.remember(state)
    await source.close()
    assert (await open_source(folder).recall())[0] == state


async def test_only_one_consumer_reads(folder: Path) -> None:
    write_journal(folder, range(3))
    first, second = open_source(folder), open_source(folder)
    await first.recall()
    with pytest.raises(SourceAway, match="read by another process"):
        await second.recall()
    await first.close()
    await second.recall()


async def test_a_replay_is_the_same_batch(folder: Path) -> None:
    write_journal(folder, range(5000))
    batch = await open_source(folder).read(0, asyncio.Event())
    assert batch is not None
    again = await open_source(folder).replay(batch.start, batch.end)
    assert again == batch


async def test_a_replay_of_a_range_without_its_head_stays_in_the_range(folder: Path) -> None:
    write_segments(folder, 2)
    first, second = segments(folder)
    start, end = second.base - 3000, second.base + 5000
    whole = await open_source(folder).replay(second.base, end)
    end = second.base + len(whole.data)
    first.path.unlink()
    rest = await open_source(folder).replay(start, end)
    assert (rest.start, rest.end, rest.base) == (start, end, second.base)
    assert rest.data == whole.data[: end - second.base]
    assert rest.name.endswith(f":{start}-{end}")


async def test_lines_after_a_power_cut_are_not_taken_for_those_passed_on(folder: Path) -> None:
    """The range under way counts: its lines may be in the store, though the disk lost them."""
    write_journal(folder, range(100))
    end = segments(folder)[-1].end
    source = open_source(folder)
    await source.recall()
    await source.remember(State(0, end))
    await source.close()
    segments(folder)[0].path.write_bytes(b"".join(lines(range(40))))

    writer = open_journal(folder)
    assert writer.position == end
    writer.append(lines(range(100, 110)))
    writer.close()
    rest = await open_source(folder).replay(0, end)
    assert rest.lines() == [row[:-1] for row in lines(range(40))]


async def test_a_full_disk_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(folder, range(10))
    source = open_source(folder)
    await source.remember(State(0, 7))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "store", full)
        with pytest.raises(SourceAway, match="No space left on device"):
            await source.remember(State.done(7))
    assert (await source.recall())[0] == State(0, 7)
    await source.remember(State.done(7))
    assert (await source.recall())[0] == State.done(7)


async def test_written_segments_are_deleted(folder: Path) -> None:
    write_segments(folder, 3)
    time = VirtualTime()
    source = open_source(folder, time=time)
    before = segments(folder)
    time.now += 60
    await source.remember(State.done(before[-1].base))
    assert segments(folder) == before[-1:]
