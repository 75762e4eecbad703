"""The shipper as a process against a real broker: every line once, whatever is killed when."""

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import DefaultPartitioner

from schemas.journal import checkpoint
from schemas.journal.segment import segments
from tests.support.hits import (
    START_MS,
    hit_id,
    line,
    lines,
    open_journal,
    visitor_id,
    write_journal,
)
from tests.support.kafka import cluster, committed_records
from tests.support.shipper import ShipperProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.kafka

SHIPPED = "shipper_hits_total"
SEED = 20261124


def ids(bootstrap: str, topic: str) -> Counter[str]:
    return Counter(orjson.loads(r.value)["id"] for r in committed_records(bootstrap, topic))


def wait_for_count(shipper: ShipperProcess, count: int) -> None:
    wait_until(lambda: shipper.metric(SHIPPED) == count, 60, f"{count} hits shipped")


def wait_for_hits(bootstrap: str, topic: str, count: int, seconds_max: float = 60) -> None:
    """Wait until the topic has `count` different hits; then none may be there twice."""
    found: Counter[str] = Counter()

    def all_there() -> bool:
        found.clear()
        found.update(ids(bootstrap, topic))
        return len(found) >= count

    wait_until(all_there, seconds_max, f"{count} hits in {topic}")
    assert found == Counter(hit_id(number) for number in range(count))


def test_a_third_party_consumer_reads_one_well_formed_record_per_hit(
    kafka: str, tmp_path: Path
) -> None:
    write_journal(tmp_path / "worker-0", range(1000))
    with ShipperProcess(tmp_path, bootstrap=kafka, topic="records") as shipper:
        wait_for_count(shipper, 1000)
    partitions = list(range(12))
    numbers = set()
    for record in committed_records(kafka, "records"):
        number = record.time_ms - START_MS
        numbers.add(number)
        assert record.value + b"\n" == line(number)
        assert record.key.decode() == (visitor_id(number) or hit_id(number))
        assert record.partition == DefaultPartitioner()(record.key, partitions, partitions)
    assert numbers == set(range(1000))


def test_journals_without_a_worker_and_new_ones_are_shipped(kafka: str, tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-gone", range(100))
    with ShipperProcess(tmp_path, bootstrap=kafka, topic="journals") as shipper:
        wait_for_count(shipper, 100)
        write_journal(tmp_path / "worker-new", range(100, 200))
        wait_for_count(shipper, 200)
    wait_for_hits(kafka, "journals", 200)


def test_two_shippers_share_the_journals(kafka: str, tmp_path: Path) -> None:
    for worker in range(4):
        write_journal(tmp_path / f"worker-{worker}", range(worker * 50, worker * 50 + 50))
    first = ShipperProcess(tmp_path, bootstrap=kafka, topic="shared", shippers=2)
    second = ShipperProcess(tmp_path, bootstrap=kafka, topic="shared", shippers=2, index=1)
    with first, second:
        wait_for_count(first, 100)
        wait_for_count(second, 100)
    wait_for_hits(kafka, "shared", 200)


def test_sigterm_ships_what_was_read_and_a_restart_goes_on(kafka: str, tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-0", range(500))
    shipper = ShipperProcess(tmp_path, bootstrap=kafka, topic="restart")
    with shipper:
        wait_for_count(shipper, 500)
        assert shipper.stop() == 0
        write_journal(tmp_path / "worker-0", range(500, 600))
        shipper.start()
        wait_for_count(shipper, 100)
    wait_for_hits(kafka, "restart", 600)


def test_shipped_segments_are_deleted(kafka: str, tmp_path: Path) -> None:
    folder = tmp_path / "worker-0"
    writer = open_journal(folder, segment_bytes_max=16 * 1024)
    for start in range(0, 1000, 50):
        writer.append(lines(range(start, start + 50)))
    assert len(segments(folder)) > 3
    writer.close()
    with ShipperProcess(tmp_path, bootstrap=kafka, topic="purged") as shipper:
        wait_for_count(shipper, 1000)
        wait_until(lambda: not segments(folder), what="the segments are deleted")


def test_killed_again_and_again_under_load_ships_each_hit_once(kafka: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    writer = open_journal(tmp_path / "worker-0")
    written = 0
    shipper = ShipperProcess(
        tmp_path, bootstrap=kafka, topic="killed", transaction_timeout_ms=5000, linger_ms=1
    )
    for _ in range(8):
        with shipper:
            # Killed at any point of a batch: the deadline counts hits written, not time.
            for _ in range(chance.randrange(40, 400)):
                writer.append(lines(range(written, written + 20)))
                written += 20
                shipper.process.poll()
            wait_until(lambda: shipper.metrics, what="the first status")
            for _ in range(chance.randrange(1, 300)):
                writer.append(lines(range(written, written + 20)))
                written += 20
            shipper.kill()
    with shipper:
        wait_for_hits(kafka, "killed", written)


def test_kafka_forgot_the_journal_but_its_checkpoint_did_not(kafka: str, tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-0", range(300))
    shipper = ShipperProcess(tmp_path, bootstrap=kafka, topic="forgotten")
    with shipper:
        wait_for_count(shipper, 300)
    saved = checkpoint.load(tmp_path / "worker-0", "kafka")
    assert saved is not None
    assert saved["position"] == sum(map(len, lines(range(300))))
    # Another name prefix is another group, of which Kafka knows nothing.
    write_journal(tmp_path / "worker-0", range(300, 310))
    with ShipperProcess(
        tmp_path, bootstrap=kafka, topic="forgotten", name_prefix="other-"
    ) as other:
        wait_for_count(other, 10)
    wait_for_hits(kafka, "forgotten", 310)


def test_a_lost_checkpoint_is_made_good_by_kafka(kafka: str, tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-0", range(300))
    shipper = ShipperProcess(tmp_path, bootstrap=kafka, topic="checkpoint")
    with shipper:
        wait_for_count(shipper, 300)
    checkpoint.checkpoint_path(tmp_path / "worker-0", "kafka").unlink()
    write_journal(tmp_path / "worker-0", range(300, 310))
    with shipper:
        wait_for_hits(kafka, "checkpoint", 310)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_broker_killed_and_one_frozen_cost_no_hit(tmp_path: Path) -> None:
    journals = tmp_path / "journal"
    writer = open_journal(journals / "worker-0")
    written = 0

    def write() -> None:
        nonlocal written
        writer.append(lines(range(written, written + 500)))
        written += 500

    with cluster(tmp_path / "kafka", brokers=3) as brokers:
        first, second, _ = brokers.brokers
        bootstrap = brokers.bootstrap
        with ShipperProcess(
            journals,
            bootstrap=bootstrap,
            topic="broken",
            request_timeout_ms=2000,
            write_seconds_max=10,
        ) as shipper:
            write()
            wait_for_count(shipper, written)
            first.kill()
            write()
            wait_for_count(shipper, written)
            first.start()
            first.wait_until_ready()
            second.freeze()
            write()
            wait_for_count(shipper, written)
            second.resume()
            write()
            wait_for_hits(bootstrap, "broken", written)
    writer.close()
    assert not [said for said in shipper.log if "Traceback" in said]


def test_kafka_away_is_said_and_made_up_for(tmp_path: Path) -> None:
    journals = tmp_path / "journal"
    with cluster(tmp_path / "kafka") as brokers:
        broker = brokers.brokers[0]
        broker.kill()
        write_journal(journals / "worker-0", range(100))
        with ShipperProcess(journals, bootstrap=brokers.bootstrap, topic="away") as shipper:
            wait_until(lambda: brokers.bootstrap in shipper.problem, what="the problem is said")
            assert "does not answer (kafka.bootstrap)" in shipper.problem
            wait_until(lambda: shipper.metric("shipper_retries_total") > 2)
            waiting = shipper.metric("shipper_waiting_bytes")
            assert waiting == sum(map(len, lines(range(100))))
            assert shipper.metric("shipper_oldest_seconds") > 0
            broker.start()
            broker.wait_until_ready()
            wait_for_count(shipper, 100)
            wait_for_hits(brokers.bootstrap, "away", 100)
            wait_until(lambda: not shipper.problem, what="the problem is gone")
        warnings = [said for said in shipper.log if "WARNING" in said]
        assert len(warnings) == 1, "one line for one trouble"


def test_a_shipper_that_stood_still_past_its_transaction_goes_on(
    kafka: str, tmp_path: Path
) -> None:
    writer = open_journal(tmp_path / "worker-0")
    with ShipperProcess(
        tmp_path, bootstrap=kafka, topic="frozen", transaction_timeout_ms=1000, linger_ms=0
    ) as shipper:
        for start in range(0, 4000, 20):
            writer.append(lines(range(start, start + 20)))
        wait_until(lambda: shipper.metric(SHIPPED) > 0, 60)
        for start in range(4000, 8000, 20):
            writer.append(lines(range(start, start + 20)))
        shipper.process.send_signal(signal.SIGSTOP)
        # Time has to pass: Kafka ends what is open after 1 s, and looks once a second.
        awake_at = time.monotonic() + 3
        wait_until(lambda: time.monotonic() > awake_at)
        shipper.process.send_signal(signal.SIGCONT)
        wait_for_hits(kafka, "frozen", 8000)
    writer.close()


def test_a_topic_that_is_deleted_is_made_anew(kafka: str, tmp_path: Path) -> None:
    write_journal(tmp_path / "worker-0", range(100))
    with ShipperProcess(tmp_path, bootstrap=kafka, topic="deleted", write_seconds_max=3) as shipper:
        wait_for_count(shipper, 100)
        asyncio.run(delete_topic(kafka, "deleted"))
        write_journal(tmp_path / "worker-0", range(100, 150))
        wait_for_count(shipper, 150)
    assert set(ids(kafka, "deleted")) == {hit_id(number) for number in range(100, 150)}


async def delete_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()
