"""Each metric has a row and a known value."""

import asyncio
from pathlib import Path
from typing import Any

from consumer.clickhouse_sink import ClickHouseSink
from consumer.journal_source import BatchLimits, JournalSource, Room
from consumer.journals import Journals
from consumer.metrics import METRICS, snapshot
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.delivery import Batch
from schemas.pump import Pump, Tally
from tests.schemas.delivery_fakes import LIMITS, TokenSink, VirtualTime
from tests.support.hits import START_MS, lines, open_journal, write_journal


async def test_a_journal_that_is_written_and_then_grows(tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-0", range(100))
    time, tally, sink = VirtualTime(), Tally(), TokenSink()
    limits = BatchLimits(60, 1024 * 1024, 0.5, 0.05)
    stop = asyncio.Event()

    def source_of(folder: Path) -> JournalSource:
        return JournalSource(folder, limits=limits, room=Room(4), readers=(), clock=time.clock())

    def pump_of(source: JournalSource) -> Pump:
        return Pump(source, sink, limits=LIMITS, tally=tally, clock=time.clock())

    journals = Journals(tmp_path, source_of=source_of, pump_of=pump_of, clock=time.clock())
    running = asyncio.create_task(journals.run(stop))
    while tally.rows < 100:  # noqa: ASYNC110 - virtual time has no events
        await asyncio.sleep(0.001)
    stop.set()
    await running
    grown = list(lines(range(100, 110)))
    writer = open_journal(tmp_path / "worker-0")
    writer.append(grown)
    writer.close()

    tally.retries, tally.dead_letters = 3, 1
    values: dict[str, Any] = dict(
        snapshot(tally, journals, ClickHouseSink(StoreClient(ClickHouseSettings())),
                 START_MS / 1000 + 60)
    )  # fmt: skip
    assert values.keys() == {metric.name for metric in METRICS}
    assert values["consumer_rows_total"] == 100
    assert values["consumer_bytes_total"] == len(b"".join(lines(range(100))))
    assert values["consumer_batches_total"] == 2
    assert (values["consumer_retries_total"], values["consumer_dead_letters_total"]) == (3, 1)
    assert values["consumer_replays_total"] == values["consumer_rows_miscounted_total"] == 0
    assert values["consumer_lag_bytes"] == len(b"".join(grown))
    assert 5 < values["consumer_lag_hits"] < 20
    assert values["consumer_lag_seconds"] == 59.9
    assert (values["consumer_journals"], values["consumer_journals_stuck"]) == (1, 0)
    assert sum(values["consumer_write_seconds"]["buckets"]) == 2
    assert values["consumer_batch_rows"]["sum"] == 100


def test_dead_letters_are_not_counted_as_hits() -> None:
    tally = Tally()
    tally.count(Batch("s", 0, 6, b"a\nb\nc\n", 3).leaving_out({2: "bad"}), 0.1)
    assert (tally.rows, tally.dead_letters, tally.bytes) == (2, 1, 6)
