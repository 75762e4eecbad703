"""Consumers, store and broker killed or frozen under load: each hit is one row."""

import time
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.consumer.kafka.conftest import Hits, Start, StartLoad, partitions_of
from tests.support.kafka import cluster
from tests.support.store import StoreProcess
from tests.support.topic import Topic
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.real, pytest.mark.slow]


# A broker that starts on a machine at its limit makes its internal topics for half a minute.
SLOW_SECONDS = 100


def moved(hits: Hits, rows: int) -> bool:
    return hits.rows > rows


@pytest.mark.parametrize("victims", ["consumer", "store", "both"])
def test_killed_again_and_again_each_hit_is_one_row(
    kafka: str, tmp_path: Path, start: Start, load: StartLoad, victims: str
) -> None:
    seed = {"consumer": 1, "store": 2, "both": 3}[victims]
    random, topic = Random(seed), Topic.made(kafka, partitions=3)
    with StoreProcess(tmp_path / "store") as store:
        hits = Hits(store, database="default")
        consumer = start(topic, hits.settings)
        running = load(topic)
        for _ in range(3):
            wait_until(partial(moved, hits, hits.rows), 30)
            time.sleep(random.random() * 0.3)  # when in a batch's life it dies
            if victims in ("store", "both"):
                store.kill()
            if victims in ("consumer", "both"):
                consumer.kill()
                consumer = start(topic, hits.settings)
            if victims in ("store", "both"):
                store.start()
        running.stop()
        hits.wait_for(running.hits, 60)
        wait_until(lambda: hits.dead >= running.bad)
        assert hits.dead == running.bad, f"seed {seed}"
        assert consumer.terminate() == 0


@pytest.mark.slow
def test_consumers_come_and_go_under_load(
    kafka: str, hits: Hits, start: Start, load: StartLoad
) -> None:
    topic = Topic.made(kafka, partitions=4)
    first = start(topic, hits.settings)
    running = load(topic)
    wait_until(lambda: hits.rows > 0)
    second = start(topic, hits.settings)
    wait_until(lambda: partitions_of(first) == partitions_of(second) == 2, 30)
    third = start(topic, hits.settings)
    wait_until(lambda: partitions_of(third) > 0, 30)
    first.kill()
    wait_until(lambda: partitions_of(second) == partitions_of(third) == 2, 30)
    third.freeze()
    wait_until(lambda: partitions_of(second) == 4, 30)
    seen = hits.rows
    wait_until(lambda: hits.rows > seen)
    third.thaw()
    wait_until(lambda: partitions_of(second) == partitions_of(third) == 2, 30)
    assert second.terminate() == 0
    wait_until(lambda: partitions_of(third) == 4, 30)
    running.stop()
    hits.wait_for(running.hits)
    wait_until(lambda: hits.dead == running.bad)


@pytest.mark.timeout(400)
def test_a_broker_killed_and_one_frozen_cost_no_hit(
    tmp_path: Path, hits: Hits, start: Start, load: StartLoad
) -> None:
    with cluster(tmp_path / "kafka") as brokers:
        (broker,) = brokers.brokers
        topic = Topic.made(brokers.bootstrap, partitions=2)
        consumer = start(topic, hits.settings)
        running = load(topic)
        wait_until(lambda: hits.rows > 0, SLOW_SECONDS)
        running.end_with_commit()
        hits.wait_for(running.hits, SLOW_SECONDS)
        broker.kill()
        wait_until(lambda: "Kafka" in consumer.problem, 30)
        broker.start()
        broker.wait_until_ready()
        running = load(topic, running)
        seen = hits.rows
        wait_until(lambda: hits.rows > seen, SLOW_SECONDS)
        running.stop()
        hits.wait_for(running.hits, SLOW_SECONDS)
        wait_until(lambda: not consumer.problem)
        broker.freeze()
        wait_until(lambda: "Kafka" in consumer.problem, 30)
        broker.resume()
        running = load(topic, running)
        seen = hits.rows
        wait_until(lambda: hits.rows > seen, SLOW_SECONDS)
        running.stop()
        hits.wait_for(running.hits, SLOW_SECONDS)
        wait_until(lambda: not consumer.problem)
        assert consumer.terminate() == 0
