"""Kafka as a sink: each batch of one journal is one transaction that also holds its position.

The topic then has a batch if and only if the journal's group (`group_of`) has its end, so a restart
asks Kafka how far the journal was shipped. Whatever goes wrong, the way back is one: close the
producer, open another (Kafka then finishes or aborts what is pending), read the position, go on.
At-least-once is the same without transactions: Kafka remembers nothing, a crash may double a batch.

The record batches of the next range are built (`prepare`) while the last one is being committed.
Must not know where lines come from.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from collector.kafka_errors import explain
from collector.kafka_producer import Producer, position_partition
from collector.kafka_topic import Flaw, TopicUnfit, ensure_topic
from collector.record_batches import BatchBuilder, RecordBatches
from collector.shipper_metrics import Counters
from schemas.delivery import Batch, SinkAway
from schemas.kafka_client import LastWords, SettingUnusable, client_arguments
from schemas.kafka_settings import KafkaSettings

# Lines built into records before the loop may serve its sockets: about a millisecond.
SLICE_LINES = 250

# Answers for the moment while a group's coordinator is made, moves or reads its log.
COORDINATOR_MOVES = (
    errors.CoordinatorNotAvailableError,
    errors.NotCoordinatorError,
    errors.CoordinatorLoadInProgressError,
)


class AnotherShipper(Exception):
    """Kafka has a position of this journal that only another shipper can have committed."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The record batches of a range, as their producer will send them."""

    name: str
    batches: Sequence[tuple[int, BatchBuilder]]
    damaged: int


class KafkaSink:
    """Writes one journal's batches; see `schemas.delivery.Sink` for the verbs."""

    # Kafka keeps the position in exactly-once delivery; in at-least-once there is nothing that
    # fixed boundaries would make right, so the pump need not store them before each write either.
    remembers = True

    def __init__(
        self,
        settings: KafkaSettings,
        journal: str,
        *,
        counters: Counters,
        last_words: LastWords,
        clock_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        say: Callable[[Sequence[Flaw]], None],
    ) -> None:
        """Prepare a sink for the journal of this identity; `say` is told the topic's flaws."""
        self._settings = settings
        self._group = group_of(settings, journal)
        self._exactly_once = settings.delivery == "exactly-once"
        self._counters = counters
        self._last_words = last_words
        self._clock_ms = clock_ms
        self._sleep = sleep
        self._say = say
        # The connection; `_committed` is the journal's position in Kafka, None if it has none.
        self._producer: Producer | None = None
        self._committed: int | None = None
        # Of the range that is written next.
        self._prepared: Prepared | None = None

    async def written(self, source: str) -> int | None:
        """Return how far Kafka has the journal, None if it does not know; raises SinkAway."""
        try:
            async with asyncio.timeout(self._settings.write_seconds_max):
                await self._connected()
        except (KafkaError, TimeoutError, OSError, TopicUnfit, SettingUnusable) as error:
            await self._away(error)
        return self._committed

    async def prepare(self, batch: Batch) -> None:
        """Build the record batches of a range that will be written; without it `write` does.

        Does not block; gives way to other tasks about every millisecond. Safe to cancel.
        """
        if self._producer is not None:
            self._prepared = await self._build(self._producer, batch)

    async def write(self, batch: Batch) -> None:
        """Send the batch in a transaction; returns when Kafka has it all, once.

        Raises SinkAway, and AnotherShipper, which must stop the process.
        """
        try:
            async with asyncio.timeout(self._settings.write_seconds_max):
                producer = await self._connected()
                if self._has(batch):
                    return
                prepared = await self._take_prepared(producer, batch)
                await producer.send(prepared.batches, self._group, batch.end)
        except (KafkaError, TimeoutError, OSError, TopicUnfit, SettingUnusable) as error:
            await self._away(error)
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._exactly_once:
            self._committed = batch.end
        self._counters.count(prepared.batches, prepared.damaged)

    async def close(self) -> None:
        """Drop the connection; the next verb makes another. Safe to repeat."""
        producer, self._producer, self._prepared = self._producer, None, None
        if producer is not None:
            await producer.close()

    async def _connected(self) -> Producer:
        """Return a producer behind which nothing is pending, and know the committed position."""
        if self._producer is not None and self._producer.alive:
            return self._producer
        await self.close()
        arguments = client_arguments(self._settings)
        admin = AIOKafkaAdminClient(**arguments, client_id=self._group)
        try:
            await admin.start()
            self._say(await ensure_topic(admin, self._settings))
            transactional_id = self._group if self._exactly_once else None
            self._producer = Producer(self._settings, arguments, transactional_id)
            await self._producer.start()
            if self._exactly_once:
                self._committed = await self._committed_position(admin)
        except BaseException:
            await self.close()
            raise
        finally:
            await admin.close()
        self._counters.connections += 1
        return self._producer

    async def _committed_position(self, admin: AIOKafkaAdminClient) -> int | None:
        """Return the group's offset. Nothing is pending: the producer has ended it.

        Waits for a coordinator; a new cluster has none until somebody asks.
        """
        place = position_partition(self._settings.topic)
        while True:
            try:
                found = await admin.list_consumer_group_offsets(self._group, partitions=[place])
            except COORDINATOR_MOVES:
                found = {}
            # The client library leaves out what a coordinator has no answer for now.
            if place in found:
                offset: int = found[place].offset
                return offset if offset >= 0 else None
            await self._sleep(self._settings.retry_seconds_min)

    def _has(self, batch: Batch) -> bool:
        """Return whether Kafka has the batch, from a commit whose answer was lost."""
        committed = self._committed
        if committed is None or committed <= batch.start:
            return False
        if committed == batch.end:
            return True
        raise AnotherShipper(
            f"Kafka has journal {self._group} up to {committed}, inside or behind {batch.name}, "
            "which this process is about to ship: another shipper works on a copy of this journal "
            "(a cloned machine or folder). Stop one, and delete the copy's folder"
        )

    async def _take_prepared(self, producer: Producer, batch: Batch) -> Prepared:
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.name == batch.name:
            return prepared
        return await self._build(producer, batch)

    async def _build(self, producer: Producer, batch: Batch) -> Prepared:
        records = RecordBatches(
            producer.partitions, create_batch=producer.create_batch, clock_ms=self._clock_ms
        )
        lines = batch.lines()
        for start in range(0, len(lines), SLICE_LINES):
            records.add(lines[start : start + SLICE_LINES])
            await self._sleep(0)
        records.finish()
        return Prepared(batch.name, records.sendable, records.damaged)

    async def _away(self, error: Exception) -> NoReturn:
        """Throw the producer away, and say what happened in words for a person."""
        if self._producer is not None:
            self._counters.aborts += 1
        await self.close()
        raise SinkAway(explain(error, self._settings, self._last_words)) from error


def group_of(settings: KafkaSettings, journal: str) -> str:
    """Return the consumer group, and the transactional id, that stand for a journal in Kafka."""
    return f"{settings.name_prefix}{journal}"
