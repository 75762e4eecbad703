"""Results longer than memory, clients that leave, and errors in the middle."""

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.store import StoreProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

MIB = 1024 * 1024


def memory_bytes(store: StoreProcess) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{store.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def running(store: StoreProcess, marker: str) -> int:
    sql = "SELECT count() FROM system.processes WHERE endsWith(Settings['log_comment'], {m:String})"
    return int(store.must(sql, param_m=marker))


def test_memory_is_bounded(store: StoreProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
    connection.request("POST", "/", "SELECT number, number FROM numbers(20000000) FORMAT JSON")
    response = connection.getresponse()
    before = memory_bytes(store)
    total = worst = 0
    while data := response.read(MIB):
        total += len(data)
        worst = max(worst, memory_bytes(store) - before)
    assert total > 900 * MIB
    assert worst < 300 * MIB
    connection.close()


@pytest.mark.parametrize(
    ("sql", "read_bytes"),
    [
        ("SELECT number FROM system.numbers", MIB),
        ("SELECT number FROM system.numbers FORMAT Parquet", 0),
        ("SELECT sum(number) FROM numbers(1000000000000)", 0),
        ("SELECT sleepEachRow(0.1) FROM numbers(1000) SETTINGS max_block_size = 1", 0),
    ],
)
def test_a_query_ends_when_its_client_leaves(
    store: StoreProcess, sql: str, read_bytes: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
    marker = f"leaver {abs(hash(sql))}"
    target = f"/?function_sleep_max_microseconds_per_block=0&query_id={marker.replace(' ', '+')}"
    connection.request("POST", target, sql)
    wait_until(lambda: running(store, marker), what="the query runs")
    if read_bytes:
        connection.getresponse().read(read_bytes)
    connection.close()
    wait_until(lambda: not running(store, marker), what="the query is killed")


def test_error_after_the_headers(store: StoreProcess) -> None:
    reply = store.query("SELECT throwIf(number = 3000000) FROM numbers(4000000)")
    tag = reply.headers["X-ClickHouse-Exception-Tag"].encode()
    assert reply.status == 200
    assert reply.cut
    assert len(tag) == 16
    end = re.search(
        rb"\r\n__exception__\r\n%b\r\n(Code: 395\. .*\n)(\d+) %b\r\n__exception__\r\n$"
        % (tag, tag),
        reply.body,
        re.DOTALL,
    )
    assert end
    assert int(end[2]) == len(end[1])


def test_wait_end_of_query_gives_errors_their_status(store: StoreProcess) -> None:
    sql = "SELECT throwIf(number = 3000000) FROM numbers(4000000)"
    reply = store.query(sql, wait_end_of_query=1)
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (500, "395")
    assert (
        "X-ClickHouse-Summary"
        in store.query("SELECT number FROM numbers(1000000)", wait_end_of_query=1).headers
    )


def test_queries_run_while_inserts_run(store: StoreProcess, table: str) -> None:
    """The body of an insert is held open: a query must be answered meanwhile."""
    answers: list[str] = []

    def body() -> Iterator[bytes]:
        yield b"1\ta\n" * MIB
        answers.append(store.must(f"SELECT count() FROM {table}"))
        yield b"2\tb\n" * MIB
        answers.append(store.must("SELECT 1"))

    assert store.query(f"INSERT INTO {table} FORMAT TSV", body=body()).status == 200
    assert answers == ["0", "1"]
    assert store.must(f"SELECT count() FROM {table}") == str(2 * MIB)


def test_a_body_cut_short_inserts_nothing(store: StoreProcess, table: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
    connection.putrequest("POST", f"/?query=INSERT+INTO+{table}+FORMAT+TSV")
    connection.putheader("Content-Length", "10000000")
    connection.endheaders(b"1\ta\n" * MIB)
    connection.close()
    # Two whole inserts later the first is long over.
    for _ in range(2):
        store.must(f"INSERT INTO {table} FORMAT TSV", body=b"2\tb\n")
    assert store.must(f"SELECT groupUniqArray(n) FROM {table}") == "[2]"
