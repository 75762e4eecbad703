"""The fence, on a real broker: which commits it takes, and from whom."""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import Self

import pytest

from consumer.kafka_fetcher import Fetcher, FetchLimits
from consumer.kafka_member import Lease, Member
from schemas.delivery import SourceAway, SourceLost, Span
from schemas.kafka_settings import KafkaSettings
from tests.support.topic import Topic

pytestmark = pytest.mark.kafka


class Owner:
    """A member whose partitions are noted; a context manager."""

    def __init__(self, topic: Topic) -> None:
        self.partitions: list[int] = []
        self.lease: Lease | None = None
        self.got = asyncio.Event()
        settings = KafkaSettings(
            bootstrap=topic.bootstrap,
            topic=topic.name,
            consumer_group=topic.name,
            session_timeout_ms=1500,
            request_timeout_ms=3000,
        )
        self.member = Member(settings, self, rebalance_seconds=3)

    async def given(self, partitions: Collection[int]) -> None:
        self.partitions = sorted(partitions)
        self.lease = self.member.lease()
        self.got.set()

    async def taken(self) -> None:
        self.partitions = []
        self.got.clear()

    async def commit(self, offset: int, lease: Lease | None = None) -> None:
        lease = lease or self.lease
        assert lease is not None
        await self.member.commit(0, offset, "", lease)

    async def __aenter__(self) -> Self:
        await self.member.start()
        await asyncio.wait_for(self.got.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.member.close()


async def settled(*owners: Owner) -> None:
    """Wait until all are in one generation."""
    async with asyncio.timeout(20):
        while True:
            for owner in owners:
                await owner.got.wait()
            if len({owner.lease and owner.lease.generation for owner in owners}) == 1:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def topic(kafka: str) -> Topic:
    return await asyncio.to_thread(Topic.made, kafka)


async def test_a_lease_ends_with_its_generation(topic: Topic) -> None:
    async with Owner(topic) as first:
        await first.commit(3)
        old = first.lease
        async with Owner(topic) as second:
            await settled(first, second)
            assert len(first.partitions) + len(second.partitions) == 1
            with pytest.raises(SourceLost, match="given"):
                await first.commit(7, old)
            owner = first if first.partitions else second
            assert await owner.member.committed(0) == (3, "")
            await owner.commit(5)
        assert await asyncio.to_thread(topic.offsets) == {0: (5, "")}


async def test_a_member_that_left_can_commit_nothing_even_to_a_group_that_is_empty(
    topic: Topic,
) -> None:
    """Without generation and member id the broker would take it: anybody may set an empty group."""
    async with Owner(topic) as first:
        await first.commit(3)
        old = first.lease
        coordinator = first.member._coordinator
        assert coordinator is not None
        await coordinator._maybe_leave_group()
        with pytest.raises(SourceLost):
            await first.commit(7, old)
    assert await asyncio.to_thread(topic.offsets) == {0: (3, "")}


async def test_a_commit_without_an_answer_ends_the_membership(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Owner(topic) as owner:

        async def silent(*_: object, **__: object) -> None:
            raise TimeoutError

        with monkeypatch.context() as patched:
            patched.setattr(owner.member.client, "send", silent)
            with pytest.raises(SourceLost, match="did not say"):
                await owner.commit(3)
        assert owner.member.renew.is_set()


async def test_metadata_as_large_as_kafka_takes_is_taken(topic: Topic) -> None:
    async with Owner(topic) as owner:
        assert owner.lease is not None
        await owner.member.commit(0, 1, "x" * 4096, owner.lease)
        assert await owner.member.committed(0) == (1, "x" * 4096)


async def test_spans_are_of_committed_transactions(topic: Topic) -> None:
    async with Owner(topic) as owner:
        assert await owner.member.span(0) == Span(0, 0)
        assert await owner.member.committed(0) is None
        await asyncio.to_thread(topic.produce, [b"a", b"b"])
        assert await owner.member.span(0) == Span(0, 3)


async def test_a_topic_that_is_missing_is_said_and_not_made(kafka: str) -> None:
    topic = Topic(kafka, "not-there", 1)
    owner = Owner(topic)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(owner.member.close)
        with pytest.raises(SourceAway, match="not there yet"):
            await owner.member.start()
        with pytest.raises(SourceAway, match="not there yet"):
            await owner.member.ask_topic_id()


async def test_a_topic_made_anew_is_another_one_to_the_fetcher(topic: Topic) -> None:
    in_doubt = asyncio.Event()
    async with Owner(topic) as owner:
        before = owner.member.source_name(0)
        fetcher = Fetcher(
            owner.member.client, topic.name, owner.member.topic_id, FetchLimits(2**20, 0.01),
            topic_unknown=in_doubt.set,
        )  # fmt: skip
        running = asyncio.create_task(fetcher.run())
        feed = fetcher.feed(0)
        feed.seek(0)
        await asyncio.to_thread(topic.produce, [b"a"])
        await feed.arrived.wait()
        await asyncio.to_thread(topic.delete)
        await asyncio.wait_for(in_doubt.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    made = asyncio.create_task(asyncio.to_thread(_make_again, topic))
    await made
    async with Owner(topic) as owner:
        assert owner.member.source_name(0) != before


def _make_again(topic: Topic) -> None:
    while True:
        try:
            topic.make()
        except AssertionError:
            continue
        return
