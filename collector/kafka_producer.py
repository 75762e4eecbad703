"""One producer of aiokafka, opened for one journal and thrown away whole after any trouble.

Opening it as the same transactional id makes Kafka finish or abort what an earlier producer of that
id left behind, and fence that one off; so the way back from every error is a new producer. All that
we know of aiokafka's insides is in this file, since its own `stop` waits for brokers without end.
Must not know of journals.
"""

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from collector.record_batches import BatchBuilder
from schemas.kafka_settings import KafkaSettings

# Retries within aiokafka: a commit that is still being written out answers "try again" meanwhile.
RETRY_BACKOFF_MS = 20
REQUEST_BYTES_MAX = 64 * 1024 * 1024
CLOSE_SECONDS_MAX = 5.0


class Producer:
    """A started producer; with a transactional id every send belongs to a transaction."""

    def __init__(
        self,
        settings: KafkaSettings,
        client_arguments: Mapping[str, Any],
        transactional_id: str | None,
    ) -> None:
        """Prepare the producer; it has to be made in a running event loop."""
        self._topic = settings.topic
        self._transactional = transactional_id is not None
        self._producer = AIOKafkaProducer(
            **client_arguments,
            client_id=transactional_id,
            transactional_id=transactional_id,
            transaction_timeout_ms=settings.transaction_timeout_ms,
            enable_idempotence=True,
            acks="all",
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=settings.record_batch_bytes_max,
            max_request_size=REQUEST_BYTES_MAX,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        self._sent: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Connect, and end what an earlier producer of the transactional id left behind.

        Raises KafkaError. May wait without end while brokers are away: give it a deadline.
        """
        await self._producer.start()
        await self._producer.partitions_for(self._topic)

    @property
    def alive(self) -> bool:
        """Whether it can still be used: a fatal error between two batches shows only here."""
        task = self._producer._sender.sender_task
        return task is not None and not task.done()

    @property
    def partitions(self) -> int:
        """Partitions of the topic, as far as known."""
        return len(self._producer.client.cluster.partitions_for_topic(self._topic))

    def create_batch(self) -> BatchBuilder:
        """Return an empty record batch."""
        batch: BatchBuilder = self._producer.create_batch()
        return batch

    async def send(
        self, batches: Sequence[tuple[int, BatchBuilder]], group: str, position: int
    ) -> None:
        """Send record batches and, in the same transaction, that `group` is at `position`.

        When this returns all of it is kept; without a transactional id, only the batches are.
        Raises KafkaError: then close this producer, whatever happened to the batches.
        """
        if not self._transactional:
            await self._send_batches(batches)
            return
        await self._producer.begin_transaction()
        place = {position_partition(self._topic): position}
        await asyncio.gather(
            self._send_batches(batches), self._producer.send_offsets_to_transaction(place, group)
        )
        await self._producer.commit_transaction()

    async def close(self) -> None:
        """Drop connections and whatever is under way, at once. Safe to repeat."""
        producer = self._producer
        producer._closed = True
        for connection in producer.client._conns.values():
            if connection._writer is not None:
                connection._writer.transport.abort()
        # The sender's tasks retry until brokers answer, and it does not cancel them itself.
        tasks = [task for task in asyncio.all_tasks() if _belongs(task, producer._sender)]
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(CLOSE_SECONDS_MAX):
            await asyncio.gather(*tasks, return_exceptions=True)
            await producer.client.close()
        self._fail_all(KafkaConnectionError("closed"))
        await asyncio.gather(*self._sent, return_exceptions=True)
        self._sent.clear()

    def _fail_all(self, error: Exception) -> None:
        """Fail what waits to be sent or answered, and see to it that no loop reports it unseen."""
        accumulator = self._producer._message_accumulator
        batches = [batch for waiting in accumulator._batches.values() for batch in waiting]
        # A batch waiting to be sent again has left this set, but its callback takes it out anew.
        accumulator._pending_batches.update(batches)
        batches = list(accumulator._pending_batches)
        accumulator.fail_all(error)
        waiters = [waiter for batch in batches for waiter in (batch.future, batch._drain_waiter)]
        manager = self._producer._txn_manager
        for waiter in (*waiters, manager._transaction_waiter):
            if waiter is not None and waiter.done() and not waiter.cancelled():
                waiter.exception()

    async def _send_batches(self, batches: Sequence[tuple[int, BatchBuilder]]) -> None:
        for partition, batch in batches:
            sent = await self._producer.send_batch(batch, self._topic, partition=partition)
            self._sent.append(sent)
        for done in self._sent:
            await done
        self._sent.clear()


def position_partition(topic: str) -> TopicPartition:
    """Return the partition whose offset, in a journal's own group, is a position of the journal.

    Kafka commits offsets only of partitions that exist, so it is the topic's first one.
    """
    return TopicPartition(topic, 0)


def _belongs(task: "asyncio.Task[Any]", owner: object) -> bool:
    """Return whether the task runs a method of `owner`."""
    coroutine = task.get_coro()
    return inspect.iscoroutine(coroutine) and (
        inspect.getcoroutinelocals(coroutine).get("self") is owner
    )
