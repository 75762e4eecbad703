"""The shipper's words: each metric has a row and a value, each error names what to look at."""

import logging
import re

import pytest
from aiokafka import errors

from collector.kafka_errors import explain
from collector.shipper_metrics import METRICS, Behind, Counters, snapshot
from schemas.kafka_client import LastWords
from schemas.kafka_settings import KafkaSettings
from schemas.pump import Tally

SETTINGS = KafkaSettings(bootstrap="broker:9092")


def test_every_row_has_a_value_and_every_value_a_row() -> None:
    assert set(snapshot(Tally(), Counters(), [])) == {metric.name for metric in METRICS}


def test_journals_are_added_up_and_the_oldest_counts() -> None:
    found = snapshot(
        Tally(rows=7, retries=2),
        Counters(sent_bytes=5, aborts=1, connections=3, damaged=4),
        [Behind(100, 1.5, False), Behind(20, 3.0, True)],
    )
    assert found["shipper_hits_total"] == 7
    assert found["shipper_retries_total"] == 2
    assert found["shipper_sent_bytes_total"] == 5
    assert found["shipper_transactions_aborted_total"] == 1
    assert found["shipper_connections_total"] == 3
    assert found["shipper_damaged_lines_total"] == 4
    assert found["shipper_journals"] == 2
    assert found["shipper_waiting_bytes"] == 120
    assert found["shipper_oldest_seconds"] == 3.0
    assert found["shipper_away"] == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), r"broker:9092 does not answer \(kafka.bootstrap\): Unable connect"),
        (errors.KafkaConnectionError("x"), r"does not answer"),
        (errors.ProducerFenced(), "kafka.transaction_timeout_ms"),
        (errors.MessageSizeTooLargeError(), "kafka.record_batch_bytes_max"),
        (errors.TopicAuthorizationFailedError("hits"), "Write and Describe on topic hits"),
        (errors.GroupAuthorizationFailedError("g"), "begin with heliograph-journal-"),
        (errors.InvalidTxnState(), "Kafka refused a batch: .*InvalidTxnState"),
    ],
)
def test_an_error_names_what_to_look_at(error: Exception, said: str) -> None:
    words = LastWords().install()
    logging.getLogger("aiokafka").error("Unable connect to %s", "broker")
    assert re.search(said, explain(error, SETTINGS, words))
