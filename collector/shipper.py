"""The shipper process: every journal under one folder into Kafka, also those that appear later.

One process for all journals, not one per worker: journals outlive their workers, so somebody has to
ship what a worker left that is gone; one ships more than a worker can write; and with little
traffic it costs one connection's worth of memory and wakes up for all. `kafka.shippers` starts more
of them, which share the journals by number. A lock per journal keeps two from the same one, and the
transactional id fences off whatever a lock can't see.

Runs under `schemas.child`; with `collector.__main__` the only file here that reads the real clock.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from collector.journal_source import JournalSource, SourceLimits
from collector.kafka_sink import KafkaSink
from collector.kafka_topic import Flaw
from collector.shipper_metrics import Behind, Counters, snapshot
from schemas.child import STATUS_INTERVAL_SECONDS, Child, Status, run_child
from schemas.journal.segment import journals, segments
from schemas.journal.settings import JournalSettings
from schemas.kafka_client import LastWords
from schemas.kafka_record import timestamp_ms_of
from schemas.kafka_settings import KafkaSettings
from schemas.pump import Clock, Pump, PumpLimits, Tally

log = logging.getLogger(__name__)

CLOCK = Clock(time.monotonic, asyncio.sleep, random.random)
LOOK_INTERVAL_SECONDS = 1.0


class ShipperProcessSettings(BaseModel):
    """What the process reads from standard input; it is shipper `index` of `kafka.shippers`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    journal: JournalSettings = JournalSettings()
    kafka: KafkaSettings
    index: int = Field(0, ge=0)


@dataclass(slots=True)
class Shipment:
    """One journal on its way to Kafka."""

    source: JournalSource
    sink: KafkaSink
    pump: Pump
    task: asyncio.Task[None]


class Shipper:
    """Ships the journals that are this process's share."""

    def __init__(self, settings: ShipperProcessSettings, clock: Clock) -> None:
        self.shipments: dict[Path, Shipment] = {}
        self.tally = Tally()
        self.counters = Counters()
        self._settings = settings
        self._clock = clock
        self._last_words = LastWords().install()
        self._flaws: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set and every batch begun is finished; raises what a pump raises."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._look(stop)
                pause = asyncio.ensure_future(self._clock.sleep(LOOK_INTERVAL_SECONDS))
                tasks = [shipment.task for shipment in self.shipments.values()]
                await asyncio.wait((stopping, pause, *tasks), return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()
                await self._reap()
            await asyncio.gather(*(shipment.task for shipment in self.shipments.values()))
        finally:
            stopping.cancel()
            for shipment in self.shipments.values():
                shipment.task.cancel()
            await asyncio.gather(
                *(shipment.task for shipment in self.shipments.values()), return_exceptions=True
            )
            await asyncio.gather(*(shipment.sink.close() for shipment in self.shipments.values()))

    def problem(self) -> str:
        """Return what has kept a journal from being shipped for too long, empty if nothing."""
        now = self._clock.monotonic()
        for folder, shipment in self.shipments.items():
            pump = shipment.pump
            if pump.trouble and now - pump.trouble_since > self._settings.kafka.away_seconds_max:
                return f"journal {folder.name}: {pump.trouble}"
        return ""

    def behind(self, now_ms: int) -> Iterator[Behind]:
        """Yield how far each journal is behind. Reads the journals' ends."""
        for shipment in self.shipments.values():
            position = shipment.pump.position
            waiting = shipment.source.behind(position)
            received_ms = timestamp_ms_of(shipment.source.head_at(position)) if waiting else None
            seconds = 0.0 if received_ms is None else max(0, now_ms - received_ms) / 1000
            yield Behind(waiting, seconds, bool(shipment.pump.trouble))

    def _look(self, stop: asyncio.Event) -> None:
        """Start shipping journals of our share that have something and are not being shipped."""
        share = journals(self._settings.journal.path)
        for folder in share[self._settings.index :: self._settings.kafka.shippers]:
            if folder not in self.shipments and segments(folder):
                self.shipments[folder] = self._ship(folder, stop)

    def _ship(self, folder: Path, stop: asyncio.Event) -> Shipment:
        kafka = self._settings.kafka
        sink: KafkaSink
        source = JournalSource(
            folder,
            limits=SourceLimits(
                bytes_max=kafka.batch_bytes_max,
                linger_seconds=kafka.linger_ms / 1000,
                poll_seconds=kafka.poll_interval_ms / 1000,
            ),
            readers=self._settings.journal.readers,
            prepare=lambda batch: sink.prepare(batch),
            clock=self._clock,
        )
        sink = KafkaSink(
            kafka,
            source.name,
            counters=self.counters,
            last_words=self._last_words,
            clock_ms=lambda: time.time_ns() // 1_000_000,
            sleep=self._clock.sleep,
            say=self._say_once,
        )
        limits = PumpLimits(
            retry_seconds_min=kafka.retry_seconds_min,
            retry_seconds_max=kafka.retry_seconds_max,
            stop_seconds_max=kafka.stop_seconds_max,
            dead_letter_share_max=1,
        )
        pump = Pump(source, sink, limits=limits, tally=self.tally, clock=self._clock)
        return Shipment(source, sink, pump, asyncio.create_task(pump.run(stop)))

    async def _reap(self) -> None:
        """Raise what a pump raised; a journal whose pump returned is looked at anew."""
        for folder, shipment in list(self.shipments.items()):
            if shipment.task.done():
                shipment.task.result()
                await shipment.sink.close()
                del self.shipments[folder]

    def _say_once(self, flaws: Sequence[Flaw]) -> None:
        for flaw in flaws:
            if flaw.text not in self._flaws:
                self._flaws.add(flaw.text)
                log.warning("topic %s: %s", self._settings.kafka.topic, flaw.text)


async def main(child: Child, raw_settings: dict[str, Any]) -> None:
    """Run until told to stop; raises what stops the process with an error."""
    settings = ShipperProcessSettings.model_validate(raw_settings)
    shipper = Shipper(settings, CLOCK)
    reporter = asyncio.create_task(_report(child, shipper))
    try:
        await shipper.run(child.stop)
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)
    child.report(_status(shipper))
    log.info("stopped after %d hits in %d batches", shipper.tally.rows, shipper.tally.batches)


async def _report(child: Child, shipper: Shipper) -> None:
    while True:
        child.report(_status(shipper))
        await asyncio.sleep(STATUS_INTERVAL_SECONDS)


def _status(shipper: Shipper) -> Status:
    behind = shipper.behind(time.time_ns() // 1_000_000)
    return Status(shipper.problem(), snapshot(shipper.tally, shipper.counters, behind))


if __name__ == "__main__":
    run_child(main)
