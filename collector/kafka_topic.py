"""The topic of hits: made if it is missing, and what is wrong with one that is there.

A flaw that would lose hits or stop the shipper is fatal, until a person has mended it; others are
said once. Must not know how hits are sent.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.errors import Explained
from schemas.kafka_settings import RECORD_OVERHEAD_BYTES, KafkaSettings
from schemas.limits import LINE_BYTES_MAX

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
FOREVER = 2**63 - 1
REPLICAS_WANTED = 3
# Of all settings this one says how many brokers a cluster is meant to have: without as many no
# transaction is possible at all.
TRANSACTION_COPIES = "transaction.state.log.replication.factor"


class TopicUnfit(Explained):
    """The topic is not there and can't be made, or is such that hits would be lost or refused."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What a topic is like; `configs` is empty if we may not ask for them.

    `brokers` is how many the cluster has now.
    """

    partitions: int
    replicas: int
    configs: Mapping[str, str]
    brokers: int = 1


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something a topic should not be like, and what to do."""

    fatal: bool
    text: str


async def ensure_topic(admin: AIOKafkaAdminClient, settings: KafkaSettings) -> Sequence[Flaw]:
    """Make the topic if it is missing; return the flaws of one that stays usable.

    Raises TopicUnfit, or what the client raises when brokers are away. Safe to repeat.
    """
    facts = await _facts(admin, settings.topic)
    if facts is None:
        await _create(admin, settings)
        return ()
    found = flaws(facts, settings)
    fatal = [flaw.text for flaw in found if flaw.fatal]
    if fatal:
        raise TopicUnfit(f"topic {settings.topic}: {'; '.join(fatal)}")
    return found


def flaws(facts: TopicFacts, settings: KafkaSettings) -> Sequence[Flaw]:
    """Return what is wrong with a topic, worst first. Pure."""
    configs = facts.configs
    found = [*_record_flaws(configs), *_size_flaws(facts, settings)]
    in_sync = int(configs.get("min.insync.replicas", 1))
    wanted = _min_insync_replicas(facts.replicas, settings)
    if configs and in_sync < wanted:
        found.append(
            Flaw(False, f"min.insync.replicas is {in_sync}, not {wanted}: hits that only one "
                 "broker has count as sent, and are lost with it")
        )  # fmt: skip
    retention_ms = int(configs.get("retention.ms", -1))
    if 0 <= retention_ms < settings.retention_hours * HOUR_MS:
        found.append(
            Flaw(False, f"retention.ms is {retention_ms}, less than kafka.retention_hours "
                 f"({settings.retention_hours}): a consumer away for longer misses hits")
        )  # fmt: skip
    return sorted(found, key=lambda flaw: not flaw.fatal)


def _record_flaws(configs: Mapping[str, str]) -> Sequence[Flaw]:
    found = []
    size = int(configs.get("max.message.bytes", FOREVER))
    if size < LINE_BYTES_MAX + RECORD_OVERHEAD_BYTES:
        found.append(
            Flaw(True, f"max.message.bytes is {size}, but one hit may have {LINE_BYTES_MAX}: set "
                 f"at least {LINE_BYTES_MAX + RECORD_OVERHEAD_BYTES}")
        )  # fmt: skip
    policy = configs.get("cleanup.policy", "delete")
    if "compact" in policy:
        found.append(
            Flaw(True, f"cleanup.policy is {policy}: of a visitor's hits compaction keeps the last "
                 "one only; set delete")
        )  # fmt: skip
    if configs.get("message.timestamp.type", "CreateTime") != "CreateTime":
        found.append(
            Flaw(False, "message.timestamp.type is not CreateTime: a record's time is not when the "
                 "hit was received")
        )  # fmt: skip
    return found


def _size_flaws(facts: TopicFacts, settings: KafkaSettings) -> Sequence[Flaw]:
    found = []
    if facts.partitions < settings.partitions:
        found.append(
            Flaw(False, f"it has {facts.partitions} partitions, kafka.partitions is "
                 f"{settings.partitions}: more can be added, but then a visitor's hits move")
        )  # fmt: skip
    if facts.replicas < settings.replication:
        found.append(
            Flaw(False, f"it has {facts.replicas} copies, kafka.replication is "
                 f"{settings.replication}")
        )  # fmt: skip
    elif facts.replicas == 1 < facts.brokers:
        # Seen with Kafka 4.3: its coordinator takes a partition without a leader to be deleted.
        found.append(
            Flaw(False, f"it has one copy on {facts.brokers} brokers: while one of them is away, "
                 "Kafka ends transactions without it, and hits can be there twice or not at all; "
                 "give it three copies (kafka-reassign-partitions.sh)")
        )  # fmt: skip
    return found


async def _facts(admin: AIOKafkaAdminClient, topic: str) -> TopicFacts | None:
    """Return what a topic is like, None if there is no such topic.

    Asking for one that is missing would make it, without our settings, where brokers allow that.
    """
    if topic not in await admin.list_topics():
        return None
    described = (await admin.describe_topics([topic]))[0]
    error = errors.for_code(described["error_code"])
    if error is not errors.NoError:
        raise error(f"topic {topic} can't be described")
    partitions = described["partitions"]
    replicas = min(len(partition["replicas"]) for partition in partitions)
    brokers = len((await admin.describe_cluster())["brokers"])
    configs = await _configs(admin, ConfigResource(ConfigResourceType.TOPIC, topic))
    return TopicFacts(len(partitions), replicas, configs, brokers)


async def _configs(admin: AIOKafkaAdminClient, resource: ConfigResource) -> Mapping[str, str]:
    """Return the configuration of a topic or a broker; empty if we may not ask for it."""
    what = f"{resource.resource_type.name.lower()} {resource.name}"
    response = (await admin.describe_configs([resource]))[0]
    error_code, _message, _type, _name, rows = response.resources[0]
    error = errors.for_code(error_code)
    if error in (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError):
        log.warning("%s: not allowed to read its configuration, so it is unchecked", what)
        return {}
    if error is not errors.NoError:
        raise error(f"the configuration of {what} can't be read")
    return {name: value for name, value, *_ in rows}


async def _create(admin: AIOKafkaAdminClient, settings: KafkaSettings) -> None:
    replicas = settings.replication or await _replicas(admin)
    configs = {
        "min.insync.replicas": str(_min_insync_replicas(replicas, settings)),
        "retention.ms": str(settings.retention_hours * HOUR_MS),
        "max.message.bytes": str(settings.message_bytes_max),
        # A collector whose clock is ahead must not be refused: its hits could never be sent.
        "message.timestamp.after.max.ms": str(FOREVER),
    }
    topic = NewTopic(settings.topic, settings.partitions, replicas, topic_configs=configs)
    response = await admin.create_topics([topic])
    _, error_code, message = response.topic_errors[0]
    error = errors.for_code(error_code)
    if error is errors.NoError:
        log.info("made topic %s: %d partitions, %d copies", topic.name, topic.num_partitions,
                 replicas)  # fmt: skip
    elif error is not errors.TopicAlreadyExistsError:  # another shipper was quicker
        raise TopicUnfit(
            f"topic {topic.name} can't be made with {replicas} copies (kafka.replication): "
            f"{message or error.__name__}"
        )


async def _replicas(admin: AIOKafkaAdminClient) -> int:
    """Return how many copies a topic gets if nobody says: as many as the cluster is meant for.

    How many brokers there are now says too little: with one away for a moment, the topic would have
    one copy for ever.
    """
    brokers = (await admin.describe_cluster())["brokers"]
    if len(brokers) >= REPLICAS_WANTED or not brokers:
        return REPLICAS_WANTED
    broker = ConfigResource(ConfigResourceType.BROKER, str(brokers[0]["node_id"]))
    configs = await _configs(admin, broker)
    return min(REPLICAS_WANTED, int(configs.get(TRANSACTION_COPIES, 1)))


def _min_insync_replicas(replicas: int, settings: KafkaSettings) -> int:
    return settings.min_insync_replicas or (2 if replicas >= REPLICAS_WANTED else 1)
