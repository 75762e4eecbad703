"""The consumer process: waits for the store, migrates it, then pumps every source into it.

Runs under `schemas.child`; the only file of the consumer that touches the real clock.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from consumer.budget import Budget
from consumer.clickhouse_sink import ClickHouseSink
from consumer.journal_source import BatchLimits, JournalSource, Room
from consumer.journals import Journals
from consumer.kafka_metrics import kafka_snapshot
from consumer.kafka_partitions import Partitions
from consumer.kafka_source import KafkaSource, Partition
from consumer.kept_hits import any_kept
from consumer.metrics import snapshot
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings, ConsumerProcessSettings, ConsumerSettings
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from consumer.user_agents import parse_new_agents
from schemas.child import STATUS_INTERVAL_SECONDS, Child, Status, run_child
from schemas.delivery import SinkAway
from schemas.errors import Explained
from schemas.kafka_client import LastWords
from schemas.metric_table import Snapshot
from schemas.pump import Clock, Pump, PumpLimits, Tally

log = logging.getLogger(__name__)

CLOCK = Clock(time.monotonic, asyncio.sleep, random.random)


@dataclass(frozen=True, slots=True)
class Work:
    """What moves hits from one kind of source: run it, ask what keeps it, ask its numbers."""

    run: Callable[[asyncio.Event], Awaitable[None]]
    problem: Callable[[], str]
    snapshot: Callable[[], Snapshot]


async def main(child: Child, raw_settings: dict[str, Any]) -> None:
    """Run until told to stop; raises what stops the process with an error."""
    settings = ConsumerProcessSettings.model_validate(raw_settings)
    hung_up = asyncio.Event()
    child.on_hangup = hung_up.set
    if settings.clickhouse.migrate_at_start and not await _migrated(child, settings):
        return
    tally = Tally()
    async with StoreClient(settings.clickhouse) as client:
        work = _WORK[settings.consumer.source](settings, client, tally)
        beside = [asyncio.create_task(_report(child, work))]
        if settings.clickhouse.migrate_at_start:
            retaining = _retain_when_asked(hung_up, settings.clickhouse)
            beside.append(asyncio.create_task(retaining))
        if settings.consumer.user_agents_seconds:
            beside.append(asyncio.create_task(_parse_user_agents(client, settings.consumer)))
        try:
            await work.run(child.stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    child.report(Status(metrics=work.snapshot()))
    log.info("stopped after %d hits in %d batches", tally.rows, tally.batches)


async def _migrated(child: Child, settings: ConsumerProcessSettings) -> bool:
    """Migrate as soon as the store answers; False if told to stop before."""
    trouble, begun = "", CLOCK.monotonic()
    stopping = asyncio.create_task(child.stop.wait())
    while not child.stop.is_set():
        attempt = asyncio.create_task(migrate(settings.clickhouse))
        while not attempt.done() and not stopping.done():
            long = CLOCK.monotonic() - begun > settings.consumer.away_seconds_max
            child.report(Status(problem=trouble if long else ""))
            await asyncio.wait(
                (attempt, stopping),
                timeout=STATUS_INTERVAL_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        if not attempt.done():
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            break
        try:
            attempt.result()
        except (SinkAway, StoreError) as error:
            if str(error) != trouble:
                log.warning("waiting for the store: %s", error)
            trouble = str(error)
            pause = min(STATUS_INTERVAL_SECONDS, settings.consumer.retry_seconds_max)
            await asyncio.wait((stopping,), timeout=pause)
        else:
            stopping.cancel()
            return True
    return False


async def _retain_when_asked(asked: asyncio.Event, settings: ClickHouseSettings) -> None:
    """Give the tables the retention that the file of sites says now, each time that is asked."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            statements = await migrate(settings)
        except (SinkAway, StoreError, Explained) as error:
            log.error("retention stays as it is, send SIGHUP again: %s", error)
        else:
            log.info("tables looked at again: %s", "; ".join(statements) or "nothing to do")


def _journal_work(settings: ConsumerProcessSettings, client: StoreClient, tally: Tally) -> Work:
    consumer, sink = settings.consumer, ClickHouseSink(client)
    room = Room(consumer.batches_in_memory_max)

    def source_of(folder: Path) -> JournalSource:
        return JournalSource(
            folder,
            limits=_batch_limits(consumer),
            room=room,
            readers=settings.journal.readers,
            clock=CLOCK,
        )

    def pump_of(source: JournalSource) -> Pump:
        return Pump(source, sink, limits=_pump_limits(consumer), tally=tally, clock=CLOCK)

    journals = Journals(settings.journal.path, source_of=source_of, pump_of=pump_of, clock=CLOCK)

    def problem() -> str:
        named = ((f"journal {folder.name}", pump) for folder, pump in journals.pumps.items())
        return _problem(named, consumer)

    return Work(journals.run, problem, lambda: snapshot(tally, journals, sink, time.time()))


def _kafka_work(settings: ConsumerProcessSettings, client: StoreClient, tally: Tally) -> Work:
    consumer, sink = settings.consumer, ClickHouseSink(client)
    budget = Budget(consumer.batches_in_memory_max * consumer.batch_bytes_max)

    def source_of(partition: Partition) -> KafkaSource:
        return KafkaSource(
            partition,
            limits=_batch_limits(consumer),
            budget=budget,
            clock=CLOCK,
            any_kept=partial(any_kept, client),
        )

    def pump_of(source: KafkaSource) -> Pump:
        return Pump(source, sink, limits=_pump_limits(consumer), tally=tally, clock=CLOCK)

    partitions = Partitions(
        settings.kafka,
        source_of=source_of,
        pump_of=pump_of,
        handover_seconds_max=consumer.handover_seconds_max,
        clock=CLOCK,
        last_words=LastWords().install(),
    )

    def problem() -> str:
        away = partitions.trouble_since < CLOCK.monotonic() - consumer.away_seconds_max
        if partitions.trouble and away:
            return partitions.trouble
        named = ((f"partition {number}", pump) for number, pump in partitions.pumps.items())
        return _problem(named, consumer)

    return Work(
        partitions.run, problem, lambda: kafka_snapshot(tally, partitions, sink, time.time())
    )


_WORK = {"journal": _journal_work, "kafka": _kafka_work}


def _batch_limits(consumer: ConsumerSettings) -> BatchLimits:
    return BatchLimits(
        rows_max=consumer.batch_rows_max,
        bytes_max=consumer.batch_bytes_max,
        age_seconds_max=consumer.batch_age_seconds_max,
        poll_interval_seconds=consumer.poll_interval_seconds,
    )


def _pump_limits(consumer: ConsumerSettings) -> PumpLimits:
    return PumpLimits(
        retry_seconds_min=consumer.retry_seconds_min,
        retry_seconds_max=consumer.retry_seconds_max,
        stop_seconds_max=consumer.stop_seconds_max,
        dead_letter_share_max=consumer.dead_letter_share_max,
    )


async def _report(child: Child, work: Work) -> None:
    while True:
        child.report(Status(work.problem(), work.snapshot()))
        await asyncio.sleep(STATUS_INTERVAL_SECONDS)


async def _parse_user_agents(client: StoreClient, consumer: ConsumerSettings) -> None:
    """Keep table user_agents whole; what goes wrong is tried again, and holds up no hit."""
    while True:
        try:
            await parse_new_agents(client)
        except (SinkAway, StoreError) as error:
            log.debug("user agents wait: %s", error)
        await asyncio.sleep(consumer.user_agents_seconds)


def _problem(named: Iterable[tuple[str, Pump]], settings: ConsumerSettings) -> str:
    """Return what has kept a pump from moving for too long; empty if nothing has."""
    before = CLOCK.monotonic() - settings.away_seconds_max
    for name, pump in named:
        if pump.trouble and pump.trouble_since < before:
            return f"{name}: {pump.trouble}"
        if pump.writing_since is not None and pump.writing_since < before:
            return f"{name}: the store takes long for an insert (clickhouse.url)"
    return ""


if __name__ == "__main__":
    run_child(main)
