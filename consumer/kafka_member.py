"""One membership in the consumer group: which partitions are ours, and commits that are fenced.

Every commit carries the generation in which the partition was given to us, never a newer one, so a
member that lost its partitions (it stood still, or was cut off) can't move an offset. A commit of
unknown outcome is not repeated either: arriving late, it could undo a newer one. The membership is
thrown away (`renew`) and a new one opened, in whose generation brokers refuse what is still on its
way. All that we know of aiokafka's insides for this is in this file: its own `commit` takes the
newest generation, and may commit as nobody in particular after a member was expelled.

Must not know what is done with partitions, nor what metadata says.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import errors
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from consumer.kafka_protocol import NO_UUID, READ_COMMITTED, TopicRequest, uuid_text
from schemas.delivery import SourceAway, SourceLost, Span
from schemas.errors import Explained
from schemas.kafka_client import client_arguments
from schemas.kafka_settings import KafkaSettings

log = logging.getLogger(__name__)

EARLIEST, LATEST = -2, -1
METADATA_AGE_MS_MAX = 30_000
# The library leaves the group when nobody polls for this long; we never poll through it.
NEVER_MS = 2**31 - 1
CLOSE_SECONDS_MAX = 5.0
HEARTBEATS_PER_SESSION = 4

REFUSED_FOR_GOOD = frozenset((22, 25, 27, 82))  # generation, member, rebalancing, fenced instance
NOT_DONE = frozenset((14, 15, 16))  # the coordinator loads, is not known, is another
METADATA_TOO_LARGE = 12
UNKNOWN_TOPIC = 3
NOT_ALLOWED = frozenset((29, 30))
RETRY_BACKOFF_MS = 50


class CommitImpossible(Explained):
    """The broker will never take such a commit; the message names its setting."""


class Owner(Protocol):
    """Who is told which partitions are ours."""

    async def given(self, partitions: Collection[int]) -> None:
        """Begin with these; does not block."""

    async def taken(self) -> None:
        """Finish or drop all of them within a bound; nothing of them may be committed after."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The generation in which partitions were given to us, and who we are in it."""

    generation: int
    member_id: str


class Member:
    """One membership; opened once, thrown away when `renew` is set."""

    def __init__(self, settings: KafkaSettings, owner: Owner, *, rebalance_seconds: float) -> None:
        """Prepare; has to be made in a running event loop. Raises SettingUnusable."""
        self.renew = asyncio.Event()
        # Set before partitions are given up for good: none may be given any more.
        self.closing = False
        self.failure: Exception | None = None
        self.client = AIOKafkaClient(
            **client_arguments(settings),
            client_id=settings.consumer_group,
            metadata_max_age_ms=METADATA_AGE_MS_MAX,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        self.topic_id = NO_UUID
        self._settings = settings
        self._owner = owner
        self._rebalance_seconds = rebalance_seconds
        self._coordinator: GroupCoordinator | None = None
        self._held = contextlib.ExitStack()

    async def start(self) -> None:
        """Connect, learn the topic's id and join. Raises KafkaError, OSError, SourceAway."""
        settings = self._settings
        await self.client.bootstrap()
        self.topic_id = await self.ask_topic_id()
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        # It counts as polling for as long as this context is open.
        self._held.enter_context(subscription.fetch_context())
        self.client.set_topics([settings.topic])
        await self.client.force_metadata_update()
        subscription.subscribe({settings.topic}, _Listener(self))
        self._coordinator = GroupCoordinator(
            self.client,
            subscription,
            group_id=settings.consumer_group,
            enable_auto_commit=False,
            assignors=(RoundRobinPartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // HEARTBEATS_PER_SESSION,
            rebalance_timeout_ms=round(self._rebalance_seconds * 1000),
            max_poll_interval_ms=NEVER_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    def check(self) -> None:
        """Raise what the group's background tasks met, and what the owner raised in them."""
        if self.failure is not None:
            raise self.failure
        if self._coordinator is not None:
            self._coordinator.check_errors()

    def lease(self) -> Lease:
        """Return the generation now; call it while partitions are being given."""
        assert self._coordinator is not None
        return Lease(self._coordinator.generation, self._coordinator.member_id)

    async def close(self) -> None:
        """Leave the group, so that others go on at once, and drop connections. Bounded."""
        self.closing = True
        coordinator = self._coordinator
        if coordinator is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS_MAX):
                    await coordinator.close()
            except (KafkaError, TimeoutError, OSError) as error:
                log.info("the group was not left in order: %r", error)
            await _cancel_all(coordinator)
            self._coordinator = None
        self._held.close()
        with contextlib.suppress(TimeoutError):
            # The lock is held while a connection is being made, which would be left open otherwise.
            async with asyncio.timeout(CLOSE_SECONDS_MAX), self.client._get_conn_lock:
                await self.client.close()

    async def ask_topic_id(self) -> bytes:
        """Return the topic's id now. Raises SourceAway if there is no such topic, KafkaError."""
        topic = self._settings.topic
        answer = await self._ask_any(TopicRequest(topic))
        for code, name, topic_id, *_ in answer.topics:
            if name == topic and not code:
                if topic_id == NO_UUID:
                    raise SourceAway(
                        f"Kafka at {self._settings.bootstrap} has no topic ids: the consumer needs "
                        "Kafka 3.1 or later"
                    )
                return bytes(topic_id)
            if code in NOT_ALLOWED:
                raise SourceAway(f"Kafka does not allow reading of topic {topic} (ACL: Read)")
        raise SourceAway(
            f"topic {topic} (kafka.topic) is not there yet: `heliograph ship` makes it"
        )

    async def span(self, partition: int) -> Span:
        """Return the offsets that the partition holds now, committed transactions only.

        Raises SourceAway.
        """
        place = TopicPartition(self._settings.topic, partition)
        leader = self.client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            self.client.force_metadata_update()
            raise SourceAway(f"{self._name(partition)} has no leader now")
        try:
            # One request names a partition once, so both ends are two.
            start, end = [
                await self._offset(leader, partition, which) for which in (EARLIEST, LATEST)
            ]
        except (KafkaError, TimeoutError, OSError) as error:
            self.client.force_metadata_update()
            raise SourceAway(
                f"{self._name(partition)}: its ends can't be read: {error!r}"
            ) from error
        return Span(start, end)

    async def committed(self, partition: int) -> tuple[int, str] | None:
        """Return offset and metadata that the group has, None if none. Raises SourceAway."""
        coordinator = self._joined()
        place = TopicPartition(self._settings.topic, partition)
        try:
            async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                found = await coordinator.fetch_committed_offsets([place])
        except (KafkaError, TimeoutError, OSError) as error:
            raise SourceAway(
                f"the offset of {self._name(partition)} can't be read: {error!r}"
            ) from error
        saved: OffsetAndMetadata | None = found.get(place)
        return None if saved is None else (saved.offset, saved.metadata or "")

    async def commit(self, partition: int, offset: int, metadata: str, lease: Lease) -> None:
        """Commit under a lease; returns when the group has it.

        Raises SourceAway (the group does not have it), SourceLost (the lease is over, or may be),
        CommitImpossible. Not to be repeated after SourceLost.
        """
        coordinator, topic = self._joined(), self._settings.topic
        request = OffsetCommitRequest(
            self._settings.consumer_group, lease.generation, lease.member_id, -1,
            [(topic, [(partition, offset, metadata)])],
        )  # fmt: skip
        node = coordinator.coordinator_id
        if node is None or not await self.client.ready(node, group=ConnectionGroup.COORDINATION):
            raise SourceAway(f"the coordinator of group {self._settings.consumer_group} is away")
        try:
            answer = await self.client.send(node, request, group=ConnectionGroup.COORDINATION)
        except (KafkaError, TimeoutError, OSError) as error:
            self.renew.set()
            raise SourceLost(f"the broker did not say if it took a commit: {error!r}") from error
        self._judge(partition, answer.topics[0][1][0][1], lease)

    def _judge(self, partition: int, code: int, lease: Lease) -> None:
        """Raise what the answer to a commit means."""
        coordinator, name = self._joined(), self._name(partition)
        if code == 0:
            return
        if code in NOT_DONE:
            coordinator.coordinator_dead()
            raise SourceAway(f"the group's coordinator moves (error {code})")
        if code == UNKNOWN_TOPIC:
            self.renew.set()
            raise SourceLost(f"{name} is not there any more")
        if code in NOT_ALLOWED:
            raise SourceAway(
                f"Kafka does not allow commits of group {self._settings.consumer_group} "
                "(ACL: Read on the group, kafka.consumer_group)"
            )
        if code == METADATA_TOO_LARGE:
            raise CommitImpossible(
                "the brokers' offset.metadata.max.bytes is less than Kafka's default of 4096, "
                "which the consumer needs"
            )
        if code in REFUSED_FOR_GOOD:
            if lease == self.lease():
                # The library has not noticed yet that its generation is over.
                coordinator.request_rejoin()
            raise SourceLost(f"the group has given {name} away ({errors.for_code(code).__name__})")
        # Time-outs and the like: it may be taken yet.
        self.renew.set()
        raise SourceLost(f"the broker does not know if it took a commit of {name} (error {code})")

    def _joined(self) -> GroupCoordinator:
        if self._coordinator is None:
            raise SourceLost("the group was left")
        return self._coordinator

    async def _ask_any(self, request: Any) -> Any:
        node = self.client.get_random_node()
        if node is None:
            raise SourceAway(f"no broker is known (kafka.bootstrap {self._settings.bootstrap})")
        try:
            return await self.client.send(node, request)
        except NotImplementedError as error:
            raise SourceAway(
                f"Kafka at {self._settings.bootstrap} is too old: the consumer needs 3.1 or later"
            ) from error

    async def _offset(self, leader: int, partition: int, which: int) -> int:
        request = OffsetRequest(-1, READ_COMMITTED, [(self._settings.topic, [(partition, which)])])
        answer = await self.client.send(leader, request)
        _, code, _, offset = answer.topics[0][1][0]
        if code:
            raise errors.for_code(code)(f"error {code}")
        return int(offset)

    def _name(self, partition: int) -> str:
        return f"{self._settings.topic}-{partition}"

    def source_name(self, partition: int) -> str:
        """Return the name a partition's offsets count in: another one if the topic is made anew."""
        return f"{self._name(partition)}@{uuid_text(self.topic_id)}"


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands the library's two calls to the owner.

    The library only logs what a listener raises, so it is kept for `Member.check`.
    """

    def __init__(self, member: Member) -> None:
        self._member = member

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._guarded(self._member._owner.taken())

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        if not self._member.closing:
            await self._guarded(self._member._owner.given([one.partition for one in assigned]))

    async def _guarded(self, call: Awaitable[None]) -> None:
        try:
            await call
        except Exception as error:  # noqa: BLE001 - raised by `check`
            self._member.failure = error
            self._member.renew.set()


async def _cancel_all(coordinator: GroupCoordinator) -> None:
    """End the library's tasks that its own `close` left when it was cut short."""
    tasks = [
        task
        for task in (
            coordinator._coordination_task,
            coordinator._heartbeat_task,
            coordinator._commit_refresh_task,
        )
        if task is not None
    ]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
