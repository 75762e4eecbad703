"""The sink against a real broker: unknown outcomes, fences, other shippers, topics, logins."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

from collector.kafka_producer import Producer
from collector.kafka_sink import AnotherShipper, KafkaSink
from collector.kafka_topic import Flaw
from collector.shipper_metrics import Counters
from schemas.delivery import Batch, SinkAway
from schemas.kafka_client import LastWords
from schemas.kafka_settings import KafkaSettings
from tests.support.hits import lines
from tests.support.kafka import PASSWORD, USER, Record, SecureKafka, committed_records

pytestmark = pytest.mark.kafka

WORDS = LastWords()


def batch_of(journal: str, numbers: Sequence[int], start: int = 0) -> Batch:
    data = b"".join(lines(numbers))
    return Batch(journal, start, start + len(data), data, len(numbers), base=start)


def topic_name() -> str:
    return f"sink-{uuid.uuid4()}"


@asynccontextmanager
async def sink_of(
    bootstrap: str, topic: str, journal: str, **settings: Any
) -> AsyncIterator[KafkaSink]:
    said: list[Sequence[Flaw]] = []
    sink = KafkaSink(
        KafkaSettings(bootstrap=bootstrap, topic=topic, partitions=3, **settings),
        journal,
        counters=Counters(),
        last_words=WORDS.install(),
        clock_ms=lambda: time.time_ns() // 1_000_000,
        sleep=asyncio.sleep,
        say=said.append,
    )
    try:
        yield sink
    finally:
        await sink.close()


async def records(bootstrap: str, topic: str) -> Sequence[Record]:
    return await asyncio.to_thread(committed_records, bootstrap, topic)


async def test_position_and_records_are_one_commit(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal) as sink:
        assert await sink.written(journal) is None
        first = batch_of(journal, range(100))
        await sink.write(first)
        second = batch_of(journal, range(100, 150), first.end)
        await sink.prepare(second)
        await sink.write(second)
    async with sink_of(kafka, topic, journal) as sink:
        assert await sink.written(journal) == second.end
    assert len(await records(kafka, topic)) == 150


@pytest.mark.parametrize("answered", ["commit_transaction", "send_offsets_to_transaction"])
async def test_an_unknown_outcome_is_asked_of_kafka(
    kafka: str, monkeypatch: pytest.MonkeyPatch, answered: str
) -> None:
    """The answer to a step of the transaction is lost after the broker had done it."""
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal) as sink:
        await sink.written(journal)
        producer = sink._producer
        assert producer is not None
        step = getattr(producer._producer, answered)

        async def lose(*arguments: Any) -> None:
            await step(*arguments)
            raise KafkaConnectionError("the answer is lost")

        monkeypatch.setattr(producer._producer, answered, lose)
        batch = batch_of(journal, range(100))
        with pytest.raises(SinkAway, match="does not answer"):
            await sink.write(batch)
        await sink.write(batch)
        await sink.write(batch_of(journal, range(100, 120), batch.end))
    assert len(await records(kafka, topic)) == 120


async def test_cancelled_anywhere_a_batch_is_there_once(kafka: str) -> None:
    topic, journal, chance = topic_name(), str(uuid.uuid4()), random.Random(7)
    start, count = 0, 0
    async with sink_of(kafka, topic, journal) as sink:
        for _ in range(12):
            batch = batch_of(journal, range(count, count + 20), start)
            writing = asyncio.create_task(sink.write(batch))
            await asyncio.wait((writing,), timeout=chance.random() * 0.06)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await sink.write(batch)
            start, count = batch.end, count + 20
    found = await records(kafka, topic)
    assert len(found) == len({record.value for record in found}) == count


async def test_a_fenced_shipper_writes_nothing_more(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal) as old, sink_of(kafka, topic, journal) as new:
        await old.written(journal)
        first = batch_of(journal, range(100))
        await new.write(first)
        with pytest.raises(SinkAway, match="transactional id"):
            await old.write(first)
        # Asked again, it finds that the batch is there.
        await old.write(first)
    assert len(await records(kafka, topic)) == 100


async def test_a_shipper_on_a_copied_journal_is_found_out(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal) as one, sink_of(kafka, topic, journal) as other:
        await one.write(batch_of(journal, range(100)))
        with pytest.raises(AnotherShipper, match="Stop one"):
            await other.write(batch_of(journal, range(30)))


async def test_a_broker_that_never_answers_gives_way_to_the_deadline(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal, write_seconds_max=10) as sink:
        await sink.written(journal)

        async def never(*_: Any) -> None:
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(Producer, "send", never)
            patch.setattr(sink, "_settings", sink._settings.model_copy(
                update={"write_seconds_max": 0.05}))  # fmt: skip
            with pytest.raises(SinkAway):
                await sink.write(batch_of(journal, range(10)))
        await sink.write(batch_of(journal, range(10)))
    assert len(await records(kafka, topic)) == 10


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
async def test_every_compression_is_read_by_others(kafka: str, compression: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal, compression=compression) as sink:
        await sink.write(batch_of(journal, range(200)))
    assert len(await records(kafka, topic)) == 200


async def test_at_least_once_sends_without_transactions(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    async with sink_of(kafka, topic, journal, delivery="at-least-once") as sink:
        assert await sink.written(journal) is None
        batch = batch_of(journal, range(100))
        await sink.write(batch)
        await sink.close()
        await sink.write(batch)
        assert await sink.written(journal) is None
    assert len(await records(kafka, topic)) == 200


async def test_damage_is_shipped_without_a_key(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    data = b"\0" * 700_000 + b"\n" + b"".join(lines(range(5)))
    async with sink_of(kafka, topic, journal) as sink:
        await sink.write(Batch(journal, 0, len(data), data, 6))
    found = [record for record in await records(kafka, topic) if not record.key]
    assert [set(record.value) for record in found] == [{0}, {0}]
    assert sum(len(record.value) for record in found) == 700_000


async def make_topic(bootstrap: str, topic: str, configs: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 2, 1, topic_configs=configs)])
    finally:
        await admin.close()


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ({"max.message.bytes": "100000"}, "max.message.bytes is 100000, but one hit may have"),
        ({"cleanup.policy": "compact"}, "cleanup.policy is compact"),
    ],
)
async def test_a_topic_that_would_lose_hits_is_refused(
    kafka: str, configs: dict[str, str], said: str
) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    await make_topic(kafka, topic, configs)
    async with sink_of(kafka, topic, journal) as sink:
        with pytest.raises(SinkAway, match=said):
            await sink.written(journal)


async def test_a_topic_with_lesser_flaws_is_used(kafka: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    await make_topic(kafka, topic, {"retention.ms": "60000"})
    async with sink_of(kafka, topic, journal) as sink:
        told: list[Flaw] = []
        sink._say = told.extend
        await sink.write(batch_of(journal, range(10)))
    assert [flaw.text.split(",")[0] for flaw in told] == [
        "it has 2 partitions",
        "retention.ms is 60000",
    ]


async def test_a_topic_that_cannot_be_made_is_said(kafka: str) -> None:
    async with sink_of(kafka, topic_name(), "j", replication=9) as sink:
        with pytest.raises(SinkAway, match=r"can't be made with 9 copies .*[Rr]eplication"):
            await sink.written("j")


LOGIN: dict[str, Any] = {"sasl_username": USER, "sasl_password": PASSWORD}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_a_login_over_tls(secure_kafka: SecureKafka, mechanism: str) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    security = {
        "security_protocol": "SASL_SSL",
        "tls_ca_file": secure_kafka.authority,
        "sasl_mechanism": mechanism,
        **LOGIN,
    }
    async with sink_of(secure_kafka.bootstrap, topic, journal, **security) as sink:
        await sink.write(batch_of(journal, range(50)))
    assert len(await records(secure_kafka.cluster.bootstrap, topic)) == 50


async def test_a_login_by_token(secure_kafka: SecureKafka) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    security = {
        "security_protocol": "SASL_SSL",
        "tls_ca_file": secure_kafka.authority,
        "sasl_mechanism": "OAUTHBEARER",
        "oauth_token_provider": "tests.support.kafka:UnsecuredToken",
    }
    async with sink_of(secure_kafka.bootstrap, topic, journal, **security) as sink:
        await sink.write(batch_of(journal, range(50)))
    assert len(await records(secure_kafka.cluster.bootstrap, topic)) == 50


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sasl_password": "wrong"}, "refuses the login of shipper.*kafka.sasl_password"),
        ({"tls_ca_file": None}, "not trusted.*kafka.tls_ca_file"),
    ],
)
async def test_a_wrong_login_is_said_once_and_clearly(
    secure_kafka: SecureKafka, wrong: dict[str, Any], said: str
) -> None:
    topic, journal = topic_name(), str(uuid.uuid4())
    security: dict[str, Any] = {
        "security_protocol": "SASL_SSL",
        "tls_ca_file": secure_kafka.authority,
        **LOGIN,
    }
    batch = batch_of(journal, range(50))
    async with sink_of(secure_kafka.bootstrap, topic, journal, **security | wrong) as sink:
        with pytest.raises(SinkAway, match=said):
            await sink.write(batch)
    async with sink_of(secure_kafka.bootstrap, topic, journal, **security) as sink:
        await sink.write(batch)
    assert len(await records(secure_kafka.cluster.bootstrap, topic)) == 50
