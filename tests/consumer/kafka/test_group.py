"""Consumers of one topic against a real broker: sharing, leaving, standing still, made anew."""

import asyncio
import time
from base64 import b64decode

import pytest

from consumer.settings import ClickHouseSettings
from tests.consumer.kafka.conftest import Hits, Start, hits_of, partitions_of
from tests.consumer.kafka.holding_proxy import HoldingProxy
from tests.support.hits import line
from tests.support.kafka import PASSWORD, USER, SecureKafka
from tests.support.ports import free_ports
from tests.support.store import StoreProcess
from tests.support.topic import Topic
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.real]


def test_hits_become_rows_and_the_lag_goes_to_nothing(kafka: str, hits: Hits, start: Start) -> None:
    topic = Topic.made(kafka, partitions=3)
    topic.abort(hits_of(range(5000, 5100)))
    topic.produce(hits_of(range(1000)))
    consumer = start(topic, hits.settings)
    hits.wait_for(1000)
    topic.produce(hits_of(range(1000, 1100)))
    topic.abort(hits_of(range(6000, 6100)))
    hits.wait_for(1100)
    nothing = {"0": 0, "1": 0, "2": 0}
    wait_until(lambda: consumer.metrics["consumer_partition_lag_hits"] == nothing)
    assert consumer.metrics["consumer_lag_hits"] == consumer.metrics["consumer_lag_seconds"] == 0
    assert (partitions_of(consumer), consumer.metrics["consumer_memberships_total"]) == (3, 1)
    assert consumer.terminate() == 0


def test_sigterm_writes_what_was_read_and_hands_over_at_once(
    kafka: str, hits: Hits, start: Start
) -> None:
    topic = Topic.made(kafka, partitions=2)
    consumer = start(topic, hits.settings, batch_age_seconds_max=60)
    wait_until(lambda: partitions_of(consumer) == 2)
    topic.produce(hits_of(range(100)))
    wait_until(lambda: consumer.metrics["consumer_lag_hits"] > 0)
    wait_until(lambda: consumer.metrics["consumer_lag_seconds"] > 0)
    assert hits.rows == 0
    assert consumer.terminate() == 0
    hits.wait_for(100)
    assert {metadata.count("end") for _, metadata in topic.offsets().values()} == {0}
    # A session of half a minute: only a group that was left takes the next one at once.
    other = start(topic, hits.settings, kafka={"session_timeout_ms": 30_000})
    wait_until(lambda: partitions_of(other) == 2, 10)
    topic.produce(hits_of(range(100, 150)))
    hits.wait_for(150)


async def test_an_insert_that_comes_after_the_next_owner_s_is_dropped(
    kafka: str, store: StoreProcess, hits: Hits, start: Start
) -> None:
    """A consumer stands still with its batch fixed and its insert on the way; another goes on."""
    topic = await asyncio.to_thread(Topic.made, kafka)
    async with HoldingProxy(store.url) as proxy:
        settings = hits.settings.model_copy(update={"url": proxy.url})
        zombie = await asyncio.to_thread(start, topic, settings)
        await until(lambda: partitions_of(zombie) == 1)
        proxy.hold("INSERT INTO hits ")
        await asyncio.to_thread(topic.produce, hits_of(range(100)))
        await proxy.held.wait()
        offset, metadata = (await asyncio.to_thread(topic.offsets))[0]
        assert offset == 0
        assert '"end":' in metadata, "the range is fixed before the insert"
        zombie.freeze()
        owner = await asyncio.to_thread(start, topic, hits.settings)
        await until(lambda: hits.rows == 100)
        assert owner.metrics["consumer_replays_total"] <= 1
        await asyncio.to_thread(topic.produce, hits_of(range(100, 150)))
        await until(lambda: hits.rows == 150)
        proxy.release()
        await proxy.answered.wait()
        assert (hits.rows, hits.different) == (150, 150)
        zombie.thaw()
        await until(lambda: zombie.metrics["consumer_rebalances_total"] >= 2)
        await asyncio.to_thread(topic.produce, hits_of(range(150, 200)))
        await until(lambda: hits.different == 200)
        assert hits.rows == 200


def test_a_topic_made_anew_while_the_consumer_runs_and_while_it_does_not(
    kafka: str, hits: Hits, start: Start
) -> None:
    topic = Topic.made(kafka)
    consumer = start(topic, hits.settings)
    topic.produce(hits_of(range(100)))
    hits.wait_for(100)
    topic.delete()
    wait_until(lambda: "not there yet" in consumer.problem or not partitions_of(consumer))
    topic.make()
    topic.produce(hits_of(range(100, 300)))
    hits.wait_for(300)
    assert consumer.terminate() == 0
    topic.delete()
    wait_until(lambda: made_again(topic))
    topic.produce(hits_of(range(300, 350)))
    start(topic, hits.settings)
    hits.wait_for(350)


def made_again(topic: Topic) -> bool:
    """Make the topic as soon as its deletion is done."""
    try:
        topic.make()
    except AssertionError:
        return False
    return True


def test_records_deleted_before_they_were_read_are_said(
    kafka: str, hits: Hits, start: Start
) -> None:
    topic = Topic.made(kafka)
    consumer = start(topic, hits.settings)
    topic.produce(hits_of(range(10)))
    hits.wait_for(10)
    assert consumer.terminate() == 0
    topic.produce(hits_of(range(10, 20)))
    topic.produce(hits_of(range(20, 30)))
    topic.delete_before(0, 22)
    consumer = start(topic, hits.settings)
    wait_until(lambda: hits.rows == 20)
    assert any("are gone. Lines were deleted" in said for said in consumer.log)


def test_a_forgotten_group_waits_for_a_person_instead_of_counting_twice(
    kafka: str, hits: Hits, start: Start
) -> None:
    topic = Topic.made(kafka)
    first = start(topic, hits.settings)
    topic.produce(hits_of(range(50)))
    hits.wait_for(50)
    assert first.terminate() == 0
    group = f"{topic.name}-other"
    other = start(topic, hits.settings, kafka={"consumer_group": group})
    wait_until(lambda: "offsets.retention.minutes" in other.problem)
    assert other.metrics["consumer_partitions_stuck"] == 1
    assert other.terminate() == 0
    topic.set_offset(0, 51, group)
    topic.produce(hits_of(range(50, 60)))
    start(topic, hits.settings, kafka={"consumer_group": group})
    hits.wait_for(60)


@pytest.mark.parametrize("what", ["hangs", "answers 500"])
async def test_a_store_that_hangs_or_fails_is_waited_for(
    kafka: str, store: StoreProcess, hits: Hits, start: Start, what: str
) -> None:
    topic = await asyncio.to_thread(Topic.made, kafka)
    async with HoldingProxy(store.url) as proxy:
        settings: ClickHouseSettings = hits.settings.model_copy(
            update={"url": proxy.url, "request_timeout_seconds": 1}
        )
        consumer = await asyncio.to_thread(start, topic, settings)
        await until(lambda: partitions_of(consumer) == 1)
        if what == "hangs":
            proxy.hold("INSERT INTO hits ")
        else:
            proxy.fail()
        await asyncio.to_thread(topic.produce, hits_of(range(100)))
        await until(lambda: "clickhouse.url" in consumer.problem)
        await until(lambda: consumer.metrics["consumer_partitions_stuck"] == 1)
        proxy.release()
        await until(lambda: hits.different == 100)
        await until(lambda: not consumer.problem)
        assert hits.rows == 100
        assert consumer.metrics["consumer_memberships_total"] == 1


def test_poison_of_every_kind_is_dead_letters_and_the_rest_is_in(
    kafka: str, hits: Hits, start: Start
) -> None:
    topic = Topic.made(kafka, configs={"max.message.bytes": "4000000"})
    good = hits_of(range(20))
    poison: list[bytes | None] = [
        None, b"", b"not json", b"[1]", b'{"id":"x"}', line(900)[:-30], b"\xff\xfe",
        line(901).replace(b'"event"', b'\n"event"')[:-1],
        line(902)[:-2] + b',"value":"much"}', line(903)[:-2] + b',"x":"' + b"x" * 600_000 + b'"}',
        line(904)[:-1] + line(905)[:-1],
    ]  # fmt: skip
    mixed: list[bytes | None] = []
    for index, value in enumerate(good):
        mixed += [value, *poison[index : index + 1]]
    topic.produce(mixed)
    consumer = start(topic, hits.settings)
    hits.wait_for(20)
    wait_until(lambda: hits.dead == len(poison))
    kept = hits.ask("SELECT position, base64Encode(raw) FROM dead_letters ORDER BY position")
    found = [row.split("\t") for row in kept.splitlines()]
    assert [b64decode(raw) for _, raw in found] == [value or b"" for value in poison]
    assert [int(position) for position, _ in found] == list(range(1, 2 * len(poison), 2))
    reasons = hits.ask("SELECT reason FROM dead_letters ORDER BY position").splitlines()
    assert "tombstone" in reasons[0]
    assert all(reasons)
    wait_until(lambda: consumer.metrics["consumer_dead_letters_total"] == len(poison))
    assert consumer.metrics["consumer_lag_hits"] == 0


async def until(condition: object, seconds_max: float = 30) -> None:
    """Wait for a condition while this loop serves the proxy."""
    assert callable(condition)
    await asyncio.to_thread(wait_until, condition, seconds_max)


def test_kafka_away_is_said_and_a_stop_does_not_wait_for_it(hits: Hits, start: Start) -> None:
    nowhere = Topic(f"127.0.0.1:{free_ports(1)[0]}", "nowhere", 1)
    consumer = start(nowhere, hits.settings, kafka={"request_timeout_ms": 60_000})
    wait_until(lambda: f"Kafka at {nowhere.bootstrap} does not answer" in consumer.problem)
    assert "consumer_lag_hits" not in consumer.metrics, "a lag of 0 would say that all is well"
    begun = time.monotonic()
    assert consumer.terminate() == 0
    assert time.monotonic() - begun < 5


def test_a_login_over_tls_and_a_wrong_password(
    secure_kafka: SecureKafka, hits: Hits, start: Start
) -> None:
    login = {
        "security_protocol": "SASL_SSL",
        "tls_ca_file": str(secure_kafka.authority),
        "sasl_username": USER,
        "sasl_password": PASSWORD,
    }
    plain = Topic.made(secure_kafka.cluster.bootstrap)
    plain.produce(hits_of(range(20)))
    topic = Topic(secure_kafka.bootstrap, plain.name, 1)
    stranger = start(topic, hits.settings, kafka={**login, "sasl_password": "guessed"})
    wait_until(lambda: "kafka.sasl_password" in stranger.problem)
    start(topic, hits.settings, kafka=login)
    hits.wait_for(20)
