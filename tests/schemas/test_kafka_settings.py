"""Settings of Kafka that can't work are refused with a sentence; clients are made of the others."""

import logging
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.kafka_client import LastWords, SettingUnusable, client_arguments
from schemas.kafka_settings import KafkaSettings

LOGIN = {"sasl_username": "u", "sasl_password": "p"}


@pytest.mark.parametrize("bootstrap", ["", "a:1", "a:1,b.example:22", "[::1]:9092"])
def test_addresses(bootstrap: str) -> None:
    assert KafkaSettings(bootstrap=bootstrap).bootstrap == bootstrap


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bootstrap": "host"}, "bootstrap"),
        ({"bootstrap": "http://host:1/"}, "bootstrap"),
        ({"message_bytes_max": 1000}, "message_bytes_max"),
        ({"record_batch_bytes_max": 2**21}, "the topic would refuse batches"),
        ({"replication": 1, "min_insync_replicas": 2}, "nothing could be sent"),
        ({"retry_seconds_min": 5, "retry_seconds_max": 1}, "retry_seconds_min is more"),
        ({"tls_key_file": "k"}, "needed together"),
        (LOGIN, "which has no login"),
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
            "needs oauth_token_provider",
        ),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_can_not_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        KafkaSettings(**settings)


def test_a_password_is_not_printed() -> None:
    settings = KafkaSettings(security_protocol="SASL_SSL", **LOGIN)
    assert "'p'" not in repr(settings)
    assert '"p"' not in settings.model_dump_json()


def test_a_plain_client() -> None:
    assert client_arguments(KafkaSettings(bootstrap="a:1")) == {
        "bootstrap_servers": "a:1",
        "request_timeout_ms": 10_000,
        "security_protocol": "PLAINTEXT",
    }


def test_a_login_over_tls_checks_names() -> None:
    settings = KafkaSettings(bootstrap="a:1", security_protocol="SASL_SSL", **LOGIN)
    arguments = client_arguments(settings)
    assert arguments["sasl_plain_password"] == "p"
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert arguments["ssl_context"].check_hostname
    assert arguments["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"security_protocol": "SSL", "tls_ca_file": "/none"}, "kafka.tls_ca_file /none"),
        (
            {"security_protocol": "SSL", "tls_certificate_file": "/c", "tls_key_file": "/k"},
            "kafka.tls_certificate_file /c",
        ),
        (
            {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "OAUTHBEARER",
                "oauth_token_provider": "nowhere:Nothing",
            },
            "kafka.oauth_token_provider nowhere:Nothing",
        ),
    ],
)
def test_a_file_or_path_that_can_not_be_used_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingUnusable, match=said):
        client_arguments(KafkaSettings(bootstrap="a:1", **settings))


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = KafkaSettings(security_protocol="SSL", tls_ca_file=tmp_path / "ca.pem")
    with pytest.raises(SettingUnusable, match=r"ca\.pem"):
        client_arguments(settings)


def test_last_words_are_the_last_warning_and_are_said_once() -> None:
    words = LastWords().install()
    logger = logging.getLogger("aiokafka.conn")
    logger.error("Unable connect to %s", "a")
    logger.error("Unable connect to %s", "b")
    logger.info("something else")
    assert words.take() == "Unable connect to b"
    assert words.take() == ""
