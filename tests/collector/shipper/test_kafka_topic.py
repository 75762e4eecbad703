"""What may be wrong with a topic, as a table."""

import pytest

from collector.kafka_topic import TopicFacts, flaws
from schemas.kafka_settings import KafkaSettings

FIT = {
    "max.message.bytes": "1048588",
    "cleanup.policy": "delete",
    "min.insync.replicas": "2",
    "retention.ms": str(168 * 3_600_000),
    "message.timestamp.type": "CreateTime",
}
SETTINGS = KafkaSettings(partitions=12, replication=3)


def test_a_topic_as_it_should_be_has_no_flaw() -> None:
    assert flaws(TopicFacts(12, 3, FIT), SETTINGS) == []


def test_more_than_asked_for_is_no_flaw() -> None:
    assert flaws(TopicFacts(24, 5, FIT | {"retention.ms": "-1"}), SETTINGS) == []


def test_a_configuration_that_may_not_be_read_is_no_flaw() -> None:
    assert flaws(TopicFacts(12, 3, {}), SETTINGS) == []


@pytest.mark.parametrize(
    ("facts", "fatal", "said"),
    [
        (TopicFacts(12, 3, FIT | {"max.message.bytes": "65536"}), True, "one hit may have 524288"),
        (TopicFacts(12, 3, FIT | {"cleanup.policy": "compact,delete"}), True, "set delete"),
        (TopicFacts(3, 3, FIT), False, "3 partitions, kafka.partitions is 12"),
        (TopicFacts(12, 1, FIT | {"min.insync.replicas": "1"}), False, "1 copies"),
        (TopicFacts(12, 3, FIT | {"min.insync.replicas": "1"}), False, "only one broker has"),
        (TopicFacts(12, 3, FIT | {"retention.ms": "3600000"}), False, "kafka.retention_hours"),
        (
            TopicFacts(12, 3, FIT | {"message.timestamp.type": "LogAppendTime"}),
            False,
            "not when the hit was received",
        ),
    ],
)
def test_a_flaw_is_said(facts: TopicFacts, fatal: bool, said: str) -> None:
    (flaw,) = flaws(facts, SETTINGS)
    assert flaw.fatal is fatal
    assert said in flaw.text


@pytest.mark.parametrize(("brokers", "flawed"), [(1, False), (3, True)])
def test_one_copy_is_a_flaw_where_there_could_be_more(brokers: int, flawed: bool) -> None:
    facts = TopicFacts(12, 1, FIT | {"min.insync.replicas": "1"}, brokers)
    found = flaws(facts, KafkaSettings(partitions=12))
    assert ["one copy on 3 brokers" in flaw.text for flaw in found] == [True] * flawed


def test_the_worst_comes_first() -> None:
    found = flaws(TopicFacts(1, 3, FIT | {"cleanup.policy": "compact"}), SETTINGS)
    assert [flaw.fatal for flaw in found] == [True, False]
