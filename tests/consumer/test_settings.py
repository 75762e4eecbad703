"""Settings refuse what can't be meant."""

import pytest
from pydantic import ValidationError

from consumer.settings import ClickHouseSettings, ConsumerProcessSettings, ConsumerSettings


def test_defaults_are_valid() -> None:
    assert ConsumerProcessSettings().clickhouse.url == "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "127.0.0.1:8123"),
        ("url", "http://user:secret@host:8123"),
        ("url", "http://host/?database=x"),
        ("database", "a-b"),
        ("database", "x' OR 1"),
        ("user", ""),
        ("retention_days", -1),
        ("compression", "gzip"),
        ("tables", "hits"),
    ],
)
def test_clickhouse_settings_that_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        ClickHouseSettings.model_validate({name: value})


@pytest.mark.parametrize("name", ["batch_rows_max", "batch_bytes_max", "batches_in_memory_max"])
def test_consumer_settings_that_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ConsumerSettings.model_validate({name: 0})


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(ClickHouseSettings.model_validate({"password": "hunter2"}))
