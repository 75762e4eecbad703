"""Consumers of a topic as processes, on the shared broker and a store of the session."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.settings import ClickHouseSettings
from tests.consumer.consumer_process import ConsumerProcess
from tests.support.hits import lines
from tests.support.store import StoreProcess
from tests.support.topic import Topic
from tests.support.waiting import wait_until

Start = Callable[..., ConsumerProcess]


def hits_of(numbers: range) -> list[bytes]:
    """Return the values of these hits: lines without their newline."""
    return [line[:-1] for line in lines(numbers)]


class Load:
    """Sends hits in small transactions, some aborted, until stopped; goes on after `before`."""

    def __init__(self, topic: Topic, before: "Load | None" = None) -> None:
        self.hits: int = before.hits if before else 0
        self.bad: int = before.bad if before else 0
        self._topic = topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the transaction under way."""
        self._stop.set()
        self._thread.join()

    def end_with_commit(self) -> None:
        """Stop, and commit once more: when that is visible, no marker of a transaction is to come.

        Kafka answers before it writes the markers. A broker that is killed in between, with all
        copies, may never write them, and then nothing after is ever visible (docs/kafka.md).
        """
        self.stop()
        self._topic.produce(hits_of(range(self.hits, self.hits + 300)))
        self.hits += 300

    def _run(self) -> None:
        while not self._stop.is_set():
            self._topic.produce([*hits_of(range(self.hits, self.hits + 300)), b'{"id":"cut'])
            self.hits += 300
            self.bad += 1
            self._topic.abort(hits_of(range(10**6, 10**6 + 30)))


StartLoad = Callable[..., Load]


@pytest.fixture
def load() -> Iterator[StartLoad]:
    """Starts loads; those that still run at the end are stopped."""
    running: list[Load] = []

    def start(topic: Topic, before: Load | None = None) -> Load:
        running.append(Load(topic, before))
        return running[-1]

    yield start
    for one in running:
        one.stop()


class Hits:
    """The tables of one database, as a test counts in them."""

    def __init__(self, store: StoreProcess, database: str = "") -> None:
        self.settings = ClickHouseSettings(
            url=store.url,
            database=database or f"test_{uuid.uuid4().hex[:12]}",
            retention_days=0,
            request_timeout_seconds=10,
        )
        self._store = store

    def ask(self, sql: str) -> str:
        """Return the answer; empty if the tables are not there yet."""
        reply = self._store.query(sql, database=self.settings.database)
        return reply.text if reply.status == 200 else ""

    @property
    def rows(self) -> int:
        return int(self.ask("SELECT count() FROM hits") or 0)

    @property
    def different(self) -> int:
        return int(self.ask("SELECT uniqExact(id) FROM hits") or 0)

    @property
    def dead(self) -> int:
        return int(self.ask("SELECT count() FROM dead_letters") or 0)

    def wait_for(self, rows: int, seconds_max: float = 30) -> None:
        """Wait until there are as many different hits, then none may be there twice."""
        wait_until(lambda: self.different >= rows, seconds_max, f"{rows} hits")
        assert (self.rows, self.different) == (rows, rows)


@pytest.fixture
def hits(store: StoreProcess) -> Hits:
    return Hits(store)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts consumers of a topic; those that still run at the end are killed."""
    started: list[ConsumerProcess] = []

    def start(topic: Topic, settings: ClickHouseSettings, **consumer: Any) -> ConsumerProcess:
        kafka = {
            "bootstrap": topic.bootstrap,
            "topic": topic.name,
            "consumer_group": topic.name,
            "session_timeout_ms": 1500,
            "retry_seconds_max": 0.5,
            "request_timeout_ms": 3000,
            **consumer.pop("kafka", {}),
        }
        defaults: dict[str, Any] = {"batch_age_seconds_max": 0.02, "handover_seconds_max": 1}
        process = ConsumerProcess(
            tmp_path / "journal", settings, kafka=kafka, **{**defaults, **consumer}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.running:
            process.thaw()
            process.kill()
        print("".join(process.log))


def partitions_of(consumer: ConsumerProcess) -> int:
    """How many partitions a consumer says it has."""
    return int(consumer.metrics.get("consumer_partitions", 0))
