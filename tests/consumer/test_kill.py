"""kill -9 of the consumer, the store, or both, in mid-load: each hit is one row."""

import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from consumer.settings import ClickHouseSettings
from tests.consumer.consumer_process import ConsumerProcess
from tests.support.hits import lines, open_journal
from tests.support.store import StoreProcess
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[StoreProcess]:
    """A store of the test's own, since it dies."""
    with StoreProcess(tmp_path / "store") as process:
        yield process


class Load:
    """Writes two journals at a steady pace until stopped, with one bad line in a thousand."""

    def __init__(self, parent: Path) -> None:
        self.hits = 0
        self.bad = 0
        self._parent = parent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        writers = [open_journal(self._parent / name) for name in ("worker-0", "worker-1")]
        while not self._stop.wait(0.01):
            for writer in writers:
                writer.append(lines(range(self.hits + 1, self.hits + 21)))
                self.hits += 20
            if self.hits % 1000 == 0:
                writers[0].append([b'{"id":"cut short\n'])
                self.bad += 1
        for writer in writers:
            writer.close()


def ask(store: StoreProcess, question: str) -> int:
    url = f"{store.url}/?query={urllib.parse.quote(question)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return int(answer.read())


def _moved(consumer: ConsumerProcess, rows: int) -> bool:
    return consumer.rows > rows


@pytest.mark.parametrize("victims", ["consumer", "store", "both"])
def test_killed_again_and_again_each_hit_is_one_row(
    tmp_path: Path, own_store: StoreProcess, victims: str
) -> None:
    seed = {"consumer": 1, "store": 2, "both": 3}[victims]
    random, settings = Random(seed), ClickHouseSettings(url=own_store.url, retention_days=0)
    load = Load(tmp_path / "journal")
    consumer = ConsumerProcess(tmp_path / "journal", settings, batch_age_seconds_max=0.02)
    try:
        for _ in range(4):
            wait_until(partial(_moved, consumer, consumer.rows))
            threading.Event().wait(random.random() * 0.3)  # when in a batch's life it dies
            if victims in ("store", "both"):
                own_store.kill()
            if victims in ("consumer", "both"):
                consumer.kill()
                consumer = ConsumerProcess(
                    tmp_path / "journal", settings, batch_age_seconds_max=0.02
                )
            if victims in ("store", "both"):
                own_store.start()
    finally:
        load.stop()
    wait_until(lambda: consumer.metrics.get("consumer_lag_bytes") == 0, 30)
    assert consumer.terminate() == 0
    assert ask(own_store, "SELECT uniqExact(id) FROM hits") == load.hits, f"lost, seed {seed}"
    assert ask(own_store, "SELECT count() FROM hits") == load.hits, f"twice, seed {seed}"
    assert ask(own_store, "SELECT count() FROM dead_letters") == load.bad, f"seed {seed}"


def test_a_store_away_is_said_and_all_is_written_when_it_is_back(
    tmp_path: Path, own_store: StoreProcess
) -> None:
    settings = ClickHouseSettings(url=own_store.url, retention_days=0)
    consumer = ConsumerProcess(tmp_path / "journal", settings)
    writer = open_journal(tmp_path / "journal" / "worker-0")
    writer.append(lines(range(1, 101)))
    wait_until(lambda: consumer.metrics.get("consumer_rows_total") == 100)
    own_store.kill()
    writer.append(lines(range(101, 301)))
    wait_until(lambda: "clickhouse.url" in consumer.problem)
    assert consumer.metrics["consumer_lag_bytes"] == len(b"".join(lines(range(101, 301))))
    assert consumer.metrics["consumer_lag_hits"] > 0
    assert consumer.metrics["consumer_journals_stuck"] == 1
    own_store.start()
    wait_until(lambda: consumer.metrics.get("consumer_rows_total") == 300)
    wait_until(lambda: consumer.problem == "" and consumer.metrics["consumer_lag_bytes"] == 0)
    assert consumer.metrics["consumer_retries_total"] > 0
    writer.append(lines(range(301, 311)))
    assert consumer.terminate() == 0
    assert ask(own_store, "SELECT count() FROM hits") == 310
    writer.close()
