"""A topic of a test's own on a real broker: made, filled, looked at and deleted.

    topic = Topic.made(bootstrap, partitions=3)
    topic.produce([b"…", None], partition=0)
    topic.abort([b"never seen"])
    topic.offsets(group)             # {partition: (offset, metadata)}

Each call makes a client of its own and blocks; from async tests call it in a thread.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; its name is also that of the group that tests read it in."""

    bootstrap: str
    name: str
    partitions: int

    @classmethod
    def made(
        cls, bootstrap: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> "Topic":
        """Make a topic with a new name."""
        topic = cls(bootstrap, f"test-{uuid.uuid4().hex[:12]}", partitions)
        topic.make(configs)
        return topic

    def make(self, configs: Mapping[str, str] | None = None) -> None:
        """Make the topic, also after `delete`."""
        new = NewTopic(self.name, self.partitions, 1, topic_configs=dict(configs or {}))
        errors = self._admin(lambda admin: admin.create_topics([new])).topic_errors
        assert errors[0][1] == 0, errors

    def delete(self) -> None:
        """Delete the topic."""
        self._admin(lambda admin: admin.delete_topics([self.name]))

    def produce(self, values: Sequence[bytes | None], partition: int | None = None) -> None:
        """Send the values in one transaction, dealt out over the partitions unless one is given."""
        asyncio.run(self._transaction(values, partition, commit=True))

    def abort(self, values: Sequence[bytes], partition: int | None = None) -> None:
        """Send them in a transaction that is aborted."""
        asyncio.run(self._transaction(values, partition, commit=False))

    def delete_before(self, partition: int, offset: int) -> None:
        """Delete a partition's records before this offset, as retention does."""
        place = TopicPartition(self.name, partition)
        self._admin(lambda admin: admin.delete_records({place: RecordsToDelete(offset)}))

    def offsets(self, group: str = "") -> Mapping[int, tuple[int, str]]:
        """Return the group's offset and metadata of each partition that has one."""
        places = [TopicPartition(self.name, number) for number in range(self.partitions)]
        found = self._admin(
            lambda admin: admin.list_consumer_group_offsets(group or self.name, partitions=places)
        )
        return {
            place.partition: (saved.offset, saved.metadata)
            for place, saved in found.items()
            if saved.offset >= 0
        }

    def set_offset(self, partition: int, offset: int, group: str = "") -> None:
        """Say where a group goes on, as kafka-consumer-groups.sh --reset-offsets does."""

        async def talk() -> None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap,
                group_id=group or self.name,
                enable_auto_commit=False,
            )
            place = TopicPartition(self.name, partition)
            consumer.assign([place])
            await consumer.start()
            await consumer.commit({place: offset})
            await consumer.stop()

        asyncio.run(talk())

    async def _transaction(
        self, values: Sequence[bytes | None], partition: int | None, *, commit: bool
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id=f"{self.name}-{uuid.uuid4().hex[:8]}",
            max_request_size=8 * 1024 * 1024,
        )
        await producer.start()
        try:
            await producer.begin_transaction()
            sent = [
                await producer.send(
                    self.name,
                    value,
                    key=b"%d" % index,
                    partition=index % self.partitions if partition is None else partition,
                )
                for index, value in enumerate(values)
            ]
            await asyncio.gather(*sent)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    def _admin(self, ask: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> Any:
        async def talk() -> T:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                return await ask(admin)
            finally:
                await admin.close()

        return asyncio.run(talk())
