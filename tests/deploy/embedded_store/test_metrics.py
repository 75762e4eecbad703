"""Each number of the table is reported, and moves with what it counts."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.embedded_store.metrics import METRICS, Counters
from tests.support.store import StoreProcess
from tests.support.waiting import wait_until


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    path = tmp_path_factory.mktemp("own") / "data"
    limits = {"queries_running_max": 2, "reader_queries_running_max": 1, "body_bytes_max": 1024}
    with StoreProcess(path, **limits) as store:
        yield store


def test_table_and_snapshot_have_the_same_names() -> None:
    assert {metric.name for metric in METRICS} == set(Counters().snapshot())


@pytest.mark.real
def test_numbers(own: StoreProcess) -> None:
    own.must("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
    own.must("INSERT INTO t FORMAT CSV", body=b"1\n2\n")
    own.must("SELECT 1", user="reader")
    own.query("SELECT nope")
    own.query("SELECT 1", password="wrong")
    own.query("SELECT 1", headers={"Host": "evil.example"})
    assert own.query("INSERT INTO t FORMAT CSV", body=b"1\n" * 1000).status == 413
    expected = {
        "store_queries_total": {"other": 1, "insert": 1, "read": 2},
        "store_queries_failed_total": {"47": 1},
        "store_requests_rejected_total": {"password": 1, "host": 1, "size": 1},
        "store_queries_running": 0,
        "store_inserted_rows_total": 2,
        "store_inserted_bytes_total": 2,
        "store_queries_abandoned_total": 0,
    }
    assert last_metrics(own, expected) == expected


@pytest.mark.real
def test_too_many_queries(own: StoreProcess) -> None:
    refused: list[tuple[int, str]] = []

    def body() -> Iterator[bytes]:
        """The body of an insert that stays open: one place is taken, then the second."""
        yield b""
        reply = own.query("SELECT 1", user="reader", body=second())
        assert reply.status == 200, reply.text

    def second() -> Iterator[bytes]:
        yield b""
        for user in ("reader", "default"):
            reply = own.query("SELECT 1", user=user)
            refused.append((reply.status, reply.headers["X-ClickHouse-Exception-Code"]))

    assert own.query("SELECT 2", body=body()).status == 200
    assert refused == [(503, "202")] * 2
    assert own.must("SELECT 3") == "3"


def last_metrics(store: StoreProcess, expected: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of the last status once they are as expected, or after a while."""
    seen = len(store.statuses)
    wait_until(lambda: len(store.statuses) > seen + 2 or last(store) == expected)
    return last(store)


def last(store: StoreProcess) -> dict[str, Any]:
    metrics: dict[str, Any] = store.statuses[-1]["metrics"]
    return metrics
