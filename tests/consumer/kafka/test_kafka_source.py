"""The partition as a source: batches, states, gaps, aborted records, poison, damage, room."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from consumer.budget import Budget
from consumer.journal_source import BatchLimits
from consumer.kafka_source import ForeignOffsets, KafkaSource
from schemas.delivery import Batch, SourceAway, SourceLost, Span, State
from schemas.limits import LINE_BYTES_MAX
from tests.consumer.kafka.fake_log import FakeLog, LeasedLog
from tests.schemas.delivery_fakes import VirtualTime

LIMITS = BatchLimits(
    rows_max=100, bytes_max=1024 * 1024, age_seconds_max=0.5, poll_interval_seconds=0.05
)
WITHOUT_END = 10**9


def values(count: int, start: int = 0) -> Sequence[bytes]:
    return [b'{"n":%d}' % number for number in range(start, start + count)]


async def nothing_kept(lines: Sequence[bytes]) -> bool:
    return False


@asynccontextmanager
async def source_of(
    lease: LeasedLog,
    *,
    limits: BatchLimits = LIMITS,
    budget: Budget | None = None,
    time: VirtualTime | None = None,
    kept: Sequence[bytes] = (),
) -> AsyncIterator[KafkaSource]:
    async def any_kept(lines: Sequence[bytes]) -> bool:
        return bool(set(lines) & set(kept))

    source = KafkaSource(
        lease,
        limits=limits,
        budget=budget or Budget(WITHOUT_END),
        clock=(time or VirtualTime()).clock(),
        any_kept=any_kept,
    )
    try:
        yield source
    finally:
        await source.close()


async def read(source: KafkaSource, position: int) -> Batch:
    batch = await source.read(position, asyncio.Event())
    assert batch is not None
    return batch


async def read_all(source: KafkaSource, log: FakeLog) -> list[Batch]:
    """Read until all rows are read; virtual time makes batches end where a fetch does."""
    batches = [await read(source, 0)]
    while batches[-1].end <= log.rows[-1][0]:
        batches.append(await read(source, batches[-1].end))
    return batches


def rows_of(batch: Batch) -> list[tuple[int, bytes]]:
    return list(zip(batch.row_positions(), batch.lines(), strict=True))


async def test_a_batch_is_given_at_its_age_and_never_before() -> None:
    log, time = FakeLog(), VirtualTime()
    log.append(values(10))
    async with source_of(log.lease(), time=time) as source:
        batch = await read(source, 0)
        assert rows_of(batch) == log.rows
        assert (batch.start, batch.end) == (0, 11)
        assert time.now == pytest.approx(0.5)


async def test_a_full_batch_does_not_wait() -> None:
    log, time = FakeLog(), VirtualTime()
    for start in range(0, 1000, 50):
        log.append(values(50, start))
    seen, position = [], 0
    async with source_of(log.lease(), time=time) as source:
        while position < log.end - 1:
            batch = await read(source, position)
            assert batch.start == position
            assert batch.rows == 100
            seen += rows_of(batch)
            position = batch.end
            await source.remember(State.done(position))
        assert seen == log.rows
        assert time.now == 0


async def test_told_to_stop_it_gives_what_there_is() -> None:
    log, time, stop = FakeLog(), VirtualTime(), asyncio.Event()
    log.append(values(3))
    async with source_of(log.lease(), time=time) as source:
        reading = asyncio.create_task(source.read(0, stop))
        await source._reader.arrived.wait()
        stop.set()
        batch = await reading
        assert batch is not None
        assert batch.rows == 3
        assert await source.read(batch.end, stop) is None


async def test_aborted_records_control_records_and_gaps_are_not_rows() -> None:
    log = FakeLog(piece_batches=1)
    log.abort(values(5))
    log.append(values(3, 10))
    log.skip(7)
    log.append(values(6, 20), gaps=(0, 2, 5))
    log.abort(values(1))
    async with source_of(log.lease()) as source:
        batches = await read_all(source, log)
        assert [row for batch in batches for row in rows_of(batch)] == log.rows
        for batch in batches:
            assert await source.replay(batch.start, batch.end) == batch


@pytest.mark.parametrize("compression", [0, 1, 3, 4])
async def test_compressed_records_are_read(compression: int) -> None:
    log = FakeLog()
    log.append(values(60), compression=compression)
    async with source_of(log.lease()) as source:
        assert rows_of(await read(source, 0)) == log.rows


async def test_a_replay_is_the_same_batch_also_in_another_process() -> None:
    log = FakeLog(piece_batches=2)
    for start in range(0, 200, 20):
        log.append(values(20, start))
    async with source_of(log.lease()) as source:
        batch = await read(source, 0)
    log.append(values(500, 1000))
    async with source_of(log.lease()) as other:
        assert await other.replay(batch.start, batch.end) == batch
        following = await read(other, batch.end)
        assert following.row_positions()[0] == log.rows[batch.rows][0]


async def test_a_range_may_begin_and_end_within_a_record_batch() -> None:
    log = FakeLog()
    log.append(values(50))
    async with source_of(log.lease()) as source:
        part = await source.replay(10, 20)
        assert rows_of(part) == log.rows[10:20]
        rest = await read(source, 20)
        assert rows_of(rest) == log.rows[20:]


async def test_a_replay_whose_head_is_gone_stays_in_the_range() -> None:
    log = FakeLog()
    for start in range(0, 60, 20):
        log.append(values(20, start))
    log.delete_before(21)
    async with source_of(log.lease()) as source:
        rest = await source.replay(0, 42)
        assert (rest.start, rest.end) == (0, 42)
        assert rest.row_positions()[0] == 21
        assert rest.rows == 20
        log.delete_before(63)
        assert (await source.replay(0, 42)).rows == 0


async def test_a_state_is_what_the_next_one_recalls() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as source:
        assert await source.recall() == (None, Span(0, 11))
        state = State(0, 11, {3: "bad \u20ac"})
        await source.remember(state)
    async with source_of(log.lease()) as other:
        assert (await other.recall())[0] == state


async def test_a_topic_made_anew_has_no_state() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as source:
        await source.remember(State(0, 11))
    log.name = "hits-0@other"
    async with source_of(log.lease()) as other:
        assert await other.recall() == (None, Span(0, 11))


async def test_the_offsets_of_another_program_stop_the_process() -> None:
    log = FakeLog()
    log.saved = (3, "theirs")
    async with source_of(log.lease()) as source:
        with pytest.raises(ForeignOffsets, match=r"kafka\.consumer_group"):
            await source.recall()


async def test_an_owner_that_was_followed_can_commit_nothing() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as zombie:
        batch = await read(zombie, 0)
        async with source_of(log.lease()) as owner:
            await owner.remember(State(0, 5))
            with pytest.raises(SourceLost):
                await zombie.remember(State(0, batch.end))
            assert (await owner.recall())[0] == State(0, 5)


async def test_a_forgotten_group_does_not_write_what_the_store_has() -> None:
    log = FakeLog()
    log.append([None, *values(10)])
    async with source_of(log.lease(), kept=values(1, 4)) as source:
        with pytest.raises(SourceAway, match=r"offsets\.retention\.minutes"):
            await source.recall()
    async with source_of(log.lease(), kept=values(1, 99)) as source:
        assert (await source.recall())[0] is None
        assert (await read(source, 0)).rows == 10


async def test_records_that_kafka_lost_are_said_and_nothing_is_read() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as source:
        await source.remember(State.done(50))
        with pytest.raises(SourceAway, match="unclean leader election"):
            await source.recall()


async def test_a_position_that_retention_deleted_is_recalled_anew() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as source:
        log.delete_before(11)
        log.append(values(10))
        with pytest.raises(SourceLost, match="no offset 0"):
            await read(source, 0)
        assert source.again


async def test_poison_is_left_out_with_its_position_and_reason() -> None:
    log = FakeLog()
    large = b'{"x":"' + b"x" * LINE_BYTES_MAX + b'"}'
    log.append([b'{"a":1}', None, b'{"b":\n2}', large, b"not json", b"\n", b'{"c":3}'])
    async with source_of(log.lease()) as source:
        batch = await read(source, 0)
        assert batch.lines() == [b'{"a":1}', b"not json", b'{"c":3}']
        assert list(batch.row_positions()) == [0, 4, 6]
        assert batch.rows == 3
        assert [(one.position, one.raw) for one in batch.refusals] == [
            (1, b""), (2, b'{"b":\n2}'), (3, large), (5, b"\n"),
        ]  # fmt: skip
        assert [one.reason.split(",")[0] for one in batch.refusals] == [
            "no value (a tombstone)",
            "a line break in it",
            f"{len(large)} bytes",
            "a line break in it",
        ]
        assert await source.replay(0, batch.end) == batch


async def test_a_batch_of_poison_alone_is_a_batch() -> None:
    log = FakeLog()
    log.append([None, None])
    async with source_of(log.lease()) as source:
        batch = await read(source, 0)
        assert (batch.rows, len(batch.refusals), batch.data) == (0, 2, b"")


async def test_damage_is_said_and_never_skipped() -> None:
    log = FakeLog(piece_batches=9)
    log.append(values(3))
    log.append(values(3, 3))
    log.damage(2)
    async with source_of(log.lease()) as source:
        before = await read(source, 0)
        assert rows_of(before) == log.rows[:3]
        for _ in range(2):
            with pytest.raises(SourceAway, match=r"behind offset 4 can't be read: .* its checksum"):
                await read(source, before.end)


async def test_no_room_no_batch_until_one_is_done() -> None:
    log = FakeLog()
    for start in range(0, 300, 100):
        log.append(values(100, start))
    budget = Budget(500)
    async with source_of(log.lease(), budget=budget) as source:
        first = await read(source, 0)
        assert budget.bytes == len(first.data)
        second = asyncio.create_task(source.read(first.end, asyncio.Event()))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not second.done()
        await source.remember(State.done(first.end))
        batch = await second
        assert batch is not None
        assert batch.start == first.end
    assert budget.bytes == 0


async def test_a_batch_read_in_vain_gives_its_room_back() -> None:
    log, budget = FakeLog(), Budget(WITHOUT_END)
    log.append(values(100))
    async with source_of(log.lease(), budget=budget) as source:
        sizes = {len((await read(source, 0)).data) for _ in range(5)}
        assert sizes == {budget.bytes}


async def test_what_is_fetched_ahead_is_bounded() -> None:
    log = FakeLog(piece_batches=1)
    for start in range(0, 3000, 100):
        log.append(values(100, start))
    async with source_of(log.lease()) as source:
        await read(source, 0)
        for _ in range(200):
            await asyncio.sleep(0)
        assert source._reader.feed.wanted is None
        assert len(source._reader.feed._pieces) <= 2


async def test_lag_counts_what_is_not_read_and_not_control_records_at_the_end() -> None:
    log = FakeLog()
    log.append(values(10))
    async with source_of(log.lease()) as source:
        batch = await read(source, 0)
        assert source.behind(0) == log.end
        assert source.oldest_ms() == 1_795_500_000_000
        await source.remember(State.done(batch.end))
        assert source.behind(batch.end) == 0
        log.abort(values(3))
        waiting = asyncio.create_task(source.read(batch.end, asyncio.Event()))
        while source._reader.next < log.end:  # noqa: ASYNC110 - the fake has no event for it
            await asyncio.sleep(0)
        assert source.behind(batch.end) == 0
        waiting.cancel()
