"""The source on a real partition: what it reads in batches, it reads again the same."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from consumer.budget import Budget
from consumer.journal_source import BatchLimits
from consumer.kafka_fetcher import Fetcher, FetchLimits
from consumer.kafka_partitions import Leased
from consumer.kafka_source import KafkaSource
from schemas.delivery import Batch, SourceLost, Span, State
from schemas.pump import Clock
from tests.consumer.kafka.conftest import hits_of
from tests.consumer.kafka.test_kafka_source import read, rows_of
from tests.consumer.kafka.test_member import Owner
from tests.support.topic import Topic

pytestmark = pytest.mark.kafka

LIMITS = BatchLimits(
    rows_max=500, bytes_max=10**7, age_seconds_max=0.05, poll_interval_seconds=0.05
)


async def nothing_kept(lines: Sequence[bytes]) -> bool:
    return False


@pytest.fixture
async def topic(kafka: str) -> Topic:
    topic = await asyncio.to_thread(Topic.made, kafka)
    for start in range(0, 1500, 300):
        await asyncio.to_thread(topic.produce, hits_of(range(start, start + 300)))
        await asyncio.to_thread(topic.abort, hits_of(range(10**6, 10**6 + 40)))
    await asyncio.to_thread(topic.produce, [None, b"a\nb", *hits_of(range(1500, 1510))])
    return topic


@pytest.fixture
async def source(topic: Topic) -> AsyncIterator[KafkaSource]:
    async with Owner(topic) as owner:
        assert owner.lease is not None
        limits = FetchLimits(16 * 1024, 0.01)
        fetcher = Fetcher(
            owner.member.client, topic.name, owner.member.topic_id, limits,
            topic_unknown=lambda: None,
        )  # fmt: skip
        running = asyncio.create_task(fetcher.run())
        loop = asyncio.get_running_loop()
        source = KafkaSource(
            Leased(owner.member, fetcher, 0, owner.lease),
            limits=LIMITS,
            budget=Budget(10**9),
            clock=Clock(loop.time, asyncio.sleep, lambda: 0.5),
            any_kept=nothing_kept,
        )
        yield source
        await source.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_every_committed_record_once_and_again_the_same(source: KafkaSource) -> None:
    state, span = await source.recall()
    assert state is None
    # 300 hits and a control record, then 40 aborted ones and another control record.
    assert span == Span(0, 5 * (300 + 1 + 40 + 1) + 12 + 1)
    batches, seen = list[Batch](), list[bytes]()
    while len(seen) < 1510:
        batch = await read(source, batches[-1].end if batches else 0)
        assert batch.rows <= LIMITS.rows_max + 300
        batches.append(batch)
        seen += batch.lines()
        await source.remember(State.done(batch.end))
    assert seen == hits_of(range(1510))
    assert [one.raw for batch in batches for one in batch.refusals] == [b"", b"a\nb"]
    for batch in batches:
        assert await source.replay(batch.start, batch.end) == batch
    assert source.behind(batches[-1].end) <= 1


async def test_a_range_within_record_batches_is_exact(source: KafkaSource) -> None:
    whole = rows_of(await source.replay(0, 1000))
    part = rows_of(await source.replay(123, 777))
    assert part == [(at, line) for at, line in whole if 123 <= at < 777]
    following = await read(source, 777)
    assert rows_of(following)[0] == next(row for row in whole if row[0] >= 777)


async def test_a_position_behind_the_end_is_not_waited_for(source: KafkaSource) -> None:
    with pytest.raises(SourceLost, match="no offset 99999"):
        await asyncio.wait_for(source.read(99_999, asyncio.Event()), 20)
    assert source.again
