"""The consumer process: waits for the store, migrates it, then pumps every journal into it.

Runs under `schemas.child`; the only file of the consumer that touches the real clock.
"""

import asyncio
import logging
import random
import time
from pathlib import Path
from typing import Any

from consumer.clickhouse_sink import ClickHouseSink
from consumer.journal_source import BatchLimits, JournalSource, Room
from consumer.journals import Journals
from consumer.metrics import snapshot
from consumer.migrate import migrate
from consumer.settings import ConsumerProcessSettings, ConsumerSettings
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from schemas.child import STATUS_INTERVAL_SECONDS, Child, Status, run_child
from schemas.delivery import SinkAway
from schemas.pump import Clock, Pump, PumpLimits, Tally

log = logging.getLogger(__name__)

CLOCK = Clock(time.monotonic, asyncio.sleep, random.random)


async def main(child: Child, raw_settings: dict[str, Any]) -> None:
    """Run until told to stop; raises what stops the process with an error."""
    settings = ConsumerProcessSettings.model_validate(raw_settings)
    if settings.clickhouse.migrate_at_start and not await _migrated(child, settings):
        return
    tally = Tally()
    async with StoreClient(settings.clickhouse) as client:
        sink = ClickHouseSink(client)
        journals = _journals(settings, sink, tally)
        reporter = asyncio.create_task(_report(child, settings.consumer, tally, journals, sink))
        try:
            await journals.run(child.stop)
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)
    child.report(Status(metrics=snapshot(tally, journals, sink, time.time())))
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


def _journals(settings: ConsumerProcessSettings, sink: ClickHouseSink, tally: Tally) -> Journals:
    consumer = settings.consumer
    limits = BatchLimits(
        rows_max=consumer.batch_rows_max,
        bytes_max=consumer.batch_bytes_max,
        age_seconds_max=consumer.batch_age_seconds_max,
        poll_interval_seconds=consumer.poll_interval_seconds,
    )
    pump_limits = PumpLimits(
        retry_seconds_min=consumer.retry_seconds_min,
        retry_seconds_max=consumer.retry_seconds_max,
        stop_seconds_max=consumer.stop_seconds_max,
        dead_letter_share_max=consumer.dead_letter_share_max,
    )
    room = Room(consumer.batches_in_memory_max)

    def source_of(folder: Path) -> JournalSource:
        return JournalSource(
            folder, limits=limits, room=room, readers=settings.journal.readers, clock=CLOCK
        )

    def pump_of(source: JournalSource) -> Pump:
        return Pump(source, sink, limits=pump_limits, tally=tally, clock=CLOCK)

    return Journals(settings.journal.path, source_of=source_of, pump_of=pump_of, clock=CLOCK)


async def _report(
    child: Child,
    settings: ConsumerSettings,
    tally: Tally,
    journals: Journals,
    sink: ClickHouseSink,
) -> None:
    while True:
        child.report(
            Status(_problem(journals, settings), snapshot(tally, journals, sink, time.time()))
        )
        await asyncio.sleep(STATUS_INTERVAL_SECONDS)


def _problem(journals: Journals, settings: ConsumerSettings) -> str:
    """Return what has kept a journal from moving for too long; empty if nothing has."""
    before = CLOCK.monotonic() - settings.away_seconds_max
    for folder, pump in journals.pumps.items():
        if pump.trouble and pump.trouble_since < before:
            return f"journal {folder.name}: {pump.trouble}"
        if pump.writing_since is not None and pump.writing_since < before:
            return f"journal {folder.name}: the store takes long for an insert (clickhouse.url)"
    return ""


if __name__ == "__main__":
    run_child(main)
