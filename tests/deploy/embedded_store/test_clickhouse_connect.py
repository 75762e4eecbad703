"""clickhouse-connect over HTTP, unchanged: the sync and the async client."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

LINES = b'{"n":1,"s":"a"}\n{"n":2,"s":"b"}\n'
FAILS_LATE = "SELECT throwIf(number = 3000000), toString(number) FROM numbers(4000000)"


@pytest.fixture
def client(store: StoreProcess) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as made:
        yield made


@pytest.fixture
async def async_client(store: StoreProcess) -> AsyncIterator[AsyncClient]:
    made = await clickhouse_connect.get_async_client(host="127.0.0.1", port=store.port)
    yield made
    await made.close()


def test_knows_the_server(client: Client) -> None:
    assert client.ping()
    assert client.server_version == client.command("SELECT version()")
    assert str(client.server_tz) in ("UTC", "Etc/UTC")


def test_query(client: Client) -> None:
    result = client.query(
        "SELECT number AS n, toString(number) AS s, toLowCardinality('l') AS l, [1, NULL] AS a,"
        " map('k', 1.5) AS m, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS t,"
        " (1, 'x') AS p, toUUID('00000000-0000-0000-0000-000000000001') AS u FROM numbers(2)"
    )
    assert result.column_names == ("n", "s", "l", "a", "m", "t", "p", "u")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000)  # clickhouse-connect leaves UTC naive
    assert result.result_rows[1][:7] == (1, "1", "l", [1, None], {"k": 1.5}, moment, (1, "x"))
    assert result.summary["read_rows"] == "2"


def test_no_rows_have_columns_too(client: Client) -> None:
    assert client.query("SELECT 1 AS a WHERE 0").column_names in ((), ("a",))
    assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)


@pytest.mark.parametrize("form", [False, True])
def test_parameters(store: StoreProcess, form: bool) -> None:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=store.port, form_encode_query_params=form
    ) as client:
        values = {"a": 41, "s": "it's \\ \t\n", "list": ["x", "y"]}
        sql = "SELECT {a:UInt8} + 1, {s:String}, {list:Array(String)}"
        assert client.query(sql, parameters=values).result_rows == [(42, values["s"], ["x", "y"])]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_compression_both_ways(store: StoreProcess, table: str, compress: Any) -> None:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=store.port, compress=compress
    ) as client:
        rows = [[n, f"value {n}"] for n in range(100_000)]
        assert client.insert(table, rows, column_names=["n", "s"]).written_rows == len(rows)
        assert client.query(f"SELECT * FROM {table} ORDER BY n").result_rows == [
            tuple(r) for r in rows
        ]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd", "gzip", "br"])
def test_raw_insert(client: Client, table: str, compression: str | None) -> None:
    from tests.deploy.embedded_store.test_compression import COMPRESS

    body = COMPRESS[compression](LINES) if compression else LINES
    settings = {"insert_deduplication_token": "x", "input_format_skip_unknown_fields": 0}
    summary = client.raw_insert(
        table, insert_block=body, fmt="JSONEachRow", compression=compression, settings=settings
    )
    assert summary.written_rows == 2
    assert client.command(f"SELECT sum(n) FROM {table}") == 3


def test_raw_insert_of_a_generator(client: Client, table: str) -> None:
    pieces = (b'{"n":%d,"s":"x"}\n' % n for n in range(10_000))
    client.raw_insert(table, insert_block=pieces, fmt="JSONEachRow")
    assert client.command(f"SELECT count() FROM {table}") == 10_000


def test_streaming(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(1000000)") as stream:
        assert sum(len(block) for block in stream) == 1_000_000
    with client.raw_stream("SELECT number FROM numbers(3)", fmt="CSV") as raw:
        assert raw.read() == b"0\n1\n2\n"


def test_settings(client: Client) -> None:
    sql = "SELECT getSetting('max_block_size')"
    assert client.query(sql, settings={"max_block_size": 99}).first_row == (99,)
    assert client.query(sql).first_row != (99,)


def test_session(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE own (a UInt8)")
    client.command("SET max_block_size = 77")
    client.insert("own", [[1], [2]], column_names=["a"])
    assert client.query("SELECT sum(a), getSetting('max_block_size') FROM own").result_rows == [
        (3, 77)
    ]


def test_errors(client: Client) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as caught:
        client.query("SELECT * FROM nope")
    assert (caught.value.code, caught.value.name) == (60, "UNKNOWN_TABLE")
    with pytest.raises(DatabaseError, match="SYNTAX_ERROR"):
        client.command("SELEC 1 FRM x")


def test_error_in_the_middle_of_a_stream(client: Client) -> None:
    with (
        pytest.raises(StreamFailureError, match="Value passed to 'throwIf'"),
        client.query_row_block_stream(FAILS_LATE) as stream,
    ):
        for _ in stream:
            pass


async def test_async_query_and_insert(async_client: AsyncClient, table: str) -> None:
    assert await async_client.ping()
    await async_client.insert(table, [[1, "a"], [2, "b"]], column_names=["n", "s"])
    await async_client.raw_insert(table, insert_block=LINES, fmt="JSONEachRow")
    result = await async_client.query(
        f"SELECT count(), sum(n) FROM {table} WHERE s != {{s:String}}", parameters={"s": "it's"}
    )
    assert result.result_rows == [(4, 6)]
    assert await async_client.command("SELECT 1") == 1


async def test_async_streaming(async_client: AsyncClient) -> None:
    total = 0
    stream = await async_client.query_row_block_stream("SELECT number FROM numbers(1000000)")
    async with stream:
        async for block in stream:
            total += len(block)
    assert total == 1_000_000


async def test_async_errors(async_client: AsyncClient) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        await async_client.query("SELECT * FROM nope")
    # aiohttp's client drops what it has when the connection is cut, the error's text with it.
    stream = await async_client.query_row_block_stream(FAILS_LATE)
    with pytest.raises(StreamFailureError):
        await exhaust(stream)


async def exhaust(stream: Any) -> None:
    async with stream:
        async for _ in stream:
            pass
