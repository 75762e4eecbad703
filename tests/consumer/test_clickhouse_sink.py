"""The sink on the real engine: once for a token, refused rows found, dead letters byte for byte."""

import asyncio

import orjson
import pytest

from consumer.clickhouse_sink import ClickHouseSink
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.delivery import Batch, RowsRefused, SinkAway
from schemas.hit import rfc3339
from tests.consumer.faulty_proxy import FaultyProxy, Mode
from tests.support.hits import hit_id, line, lines

pytestmark = pytest.mark.real
YEAR_2021_MS = 1_609_459_200_000


def batch(rows: list[bytes], start: int = 0, source: str = "journal") -> Batch:
    data = b"".join(rows)
    return Batch(source, start, start + len(data), data, len(rows), base=start)


def hit(number: int, **members: object) -> bytes:
    head = {"id": hit_id(number), "received_at": rfc3339(1_795_500_000_000)}
    return orjson.dumps({**head, **members}) + b"\n"


async def ids(client: StoreClient) -> list[str]:
    return (await client.execute("SELECT id FROM hits")).split()


async def write_all(sink: ClickHouseSink, whole: Batch) -> Batch:
    """Write as the pump does: leave out what is refused and try again."""
    while True:
        try:
            await sink.write(whole)
        except RowsRefused as refused:
            whole = whole.leaving_out(refused.reasons)
        else:
            return whole


async def test_a_batch_written_again_is_there_once(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    for _ in range(3):
        await sink.write(batch(list(lines(range(1, 101)))))
    assert len(await ids(client)) == 100


async def test_the_same_rows_under_another_range_are_other_rows(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    rows = list(lines(range(1, 4)))
    await sink.write(batch(rows))
    await sink.write(batch(rows, start=10_000))
    assert len(await ids(client)) == 6


async def test_a_batch_over_many_months_is_written_once(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    month_ms = 31 * 86_400_000
    rows = [
        orjson.dumps(
            {"id": hit_id(number), "received_at": rfc3339(YEAR_2021_MS + number * month_ms)}
        )
        + b"\n"
        for number in range(1, 106)
    ]
    for _ in range(2):
        await sink.write(batch(rows))
    assert len(await ids(client)) == 105


async def test_two_tries_at_once_leave_one(client: StoreClient, sink: ClickHouseSink) -> None:
    whole = batch(list(lines(range(1, 5001))))
    await asyncio.gather(*(sink.write(whole) for _ in range(4)))
    assert len(await ids(client)) == 5000


async def test_a_view_over_hits_counts_a_repeated_batch_once(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await client.execute(
        "CREATE TABLE per_site (site String, hits UInt64) ENGINE = SummingMergeTree ORDER BY site "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    await client.execute(
        "CREATE MATERIALIZED VIEW feed TO per_site AS SELECT site, count() AS hits FROM hits "
        "GROUP BY site"
    )
    for _ in range(3):
        await sink.write(batch(list(lines(range(1, 11)))))
    assert await client.execute("SELECT sum(hits) FROM per_site") == "10"


BAD = {
    "not an id": b'{"id":"zzz","received_at":"2026-11-24T06:07:42.670Z"}\n',
    "not a time": b'{"id":"%s","received_at":"nope"}\n' % hit_id(900).encode(),
    "not a number": hit(900, value="abc"),
    "a number too large": hit(900, value=10**18),
    "not a map": hit(900, properties=[1]),
    "not a list": hit(900, problems={"a": 1}),
    "not an address": hit(900, ip="999.1.1.1"),
    "a member twice": hit(900, url="a")[:-2] + b',"url":"b"}\n',
    "half a surrogate pair": hit(900, url="@").replace(b"@", b"\\ud800"),
    "cut short in a string": b'{"id":"01a20c23\n',
    "cut short in a string, then a brace": b'{"id":"01a20c23}\n',
    "cut short in an object": b'{"id":"%s","properties":{"a":"b"}\n' % hit_id(900).encode(),
    "an object that the next line could close": b'{"id":"%s","url":\n' % hit_id(900).encode(),
    "two objects": hit(900)[:-1] + hit(901),
    "two objects and a comma": hit(900)[:-1] + b" , " + hit(901),
    "an empty line": b"\n",
    "a list": b"[]\n",
    "null": b"null\n",
    "a bracket": b"[\n",
    "NUL bytes": b"\0" * 4096 + b"\n",
    "not UTF-8": b"\xff\xfe{}\n",
    "no id": b'{"received_at":"2026-11-24T06:07:42.670Z"}\n',
    "no time": b'{"id":"%s"}\n' % hit_id(900).encode(),
    "no time, but one in a property": hit(900)[:43]
    + b'","properties":{"x":"\\","received_at":"2"}}\n',
    "garbage with a newline's look": b'{"id":"\\n"}\n',
    "a very long line": b"x" * 500_000 + b"\n",
    "deeply nested": b'{"id":' + b"[" * 20_000 + b"\n",
}


async def dead_letters(client: StoreClient) -> list[tuple[int, bytes, bool]]:
    """Return position, raw bytes, and whether there is a reason."""
    answer = await client.execute(
        "SELECT position, hex(raw), reason != '' FROM dead_letters ORDER BY position"
    )
    rows = (row.split("\t") for row in answer.splitlines())
    return [(int(position), bytes.fromhex(raw), told == "1") for position, raw, told in rows]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_bad_line_is_a_dead_letter_and_its_neighbours_are_rows(
    client: StoreClient, sink: ClickHouseSink, bad: bytes
) -> None:
    good = list(lines(range(1, 6)))
    rows = [bad, good[0], bad, bad, *good[1:3], bad, *good[3:], bad]
    written = await write_all(sink, batch(rows))
    await sink.write(written)
    assert sorted(await ids(client)) == [hit_id(number) for number in range(1, 6)]
    positions = [sum(map(len, rows[:at])) for at, row in enumerate(rows) if row == bad]
    assert await dead_letters(client) == [(position, bad[:-1], True) for position in positions]


@pytest.mark.parametrize("kind", ["an empty line", "NUL bytes", "not a time"])
async def test_a_batch_of_nothing_but_bad_lines(
    client: StoreClient, sink: ClickHouseSink, kind: str
) -> None:
    await write_all(sink, batch([BAD[kind]]))
    assert await ids(client) == []
    assert await dead_letters(client) == [(0, BAD[kind][:-1], True)]


async def test_a_reason_holds_no_bytes_of_other_rows(sink: ClickHouseSink) -> None:
    rows = [line(1), hit(2, value="abc"), hit(3, user_id="somebody-else")]
    written = await write_all(sink, batch(rows))
    assert [refusal.raw for refusal in written.refusals] == [rows[1][:-1]]
    assert "somebody-else" not in written.refusals[0].reason


async def test_many_bad_rows_among_many(client: StoreClient, sink: ClickHouseSink) -> None:
    rows = [hit(n, value="x") if n % 500 == 0 else line(n) for n in range(1, 10_001)]
    written = await write_all(sink, batch(rows))
    assert len(written.refusals) == 20
    assert len(await ids(client)) == 9_980


async def test_what_the_parser_takes_is_a_row(client: StoreClient, sink: ClickHouseSink) -> None:
    rows = [
        b'{ "received_at":"2026-11-24T06:07:42Z", "id" : "%s" , "new": {"a": [1, {}]} }\n'
        % hit_id(1).encode(),
        hit(2, url="https://x/?a={b}{c}"),
        hit(3, url="}{", properties={"}": "{"}),
        hit(4, url="a\0b\n"),
        hit(5, received_at="2099-12-31T00:00:00.000Z"),
    ]
    written = await write_all(sink, batch(rows))
    assert written.refusals == ()
    assert sorted(await ids(client)) == [hit_id(number) for number in range(1, 6)]


async def test_a_wrong_table_is_not_the_rows_fault(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await client.execute("ALTER TABLE hits MODIFY COLUMN language Array(String)")
    await client.execute("ALTER TABLE hits_check MODIFY COLUMN language Array(String)")
    with pytest.raises(SinkAway, match="hits_check refuses a sample hit"):
        await sink.write(batch([hit(1, language="en")]))


async def test_a_view_that_fails_is_not_the_rows_fault(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await client.execute(
        "CREATE MATERIALIZED VIEW strict ENGINE = MergeTree ORDER BY id AS "
        "SELECT id, toUInt8(url) AS number FROM hits"
    )
    with pytest.raises(SinkAway, match="a materialized view"):
        await sink.write(batch([hit(1, url="https://x/")]))


@pytest.mark.parametrize("table", ["hits", "hits_check"])
async def test_a_missing_table_is_waited_for(
    client: StoreClient, sink: ClickHouseSink, table: str
) -> None:
    await client.execute(f"DROP TABLE {table}")
    with pytest.raises(SinkAway, match="heliograph migrate"):
        await sink.write(batch([line(2), hit(3, value="abc")]))


@pytest.mark.parametrize("mode", [Mode.ERROR, Mode.HANG, Mode.CUT])
async def test_a_store_that_fails_is_away_and_then_written_once(
    client: StoreClient, clickhouse: ClickHouseSettings, mode: Mode
) -> None:
    async with FaultyProxy(clickhouse.url) as proxy:
        settings = clickhouse.model_copy(update={"url": proxy.url, "request_timeout_seconds": 0.3})
        whole = batch(list(lines(range(1, 101))))
        proxy.mode = mode
        async with StoreClient(settings) as faulty:
            with pytest.raises(SinkAway, match=r"clickhouse\.url"):
                await ClickHouseSink(faulty).write(whole)
        proxy.mode = Mode.PASS
        async with StoreClient(clickhouse.model_copy(update={"url": proxy.url})) as healthy:
            await ClickHouseSink(healthy).write(whole)
    assert len(await ids(client)) == 100


async def test_nobody_there_is_away() -> None:
    async with StoreClient(ClickHouseSettings(url="http://127.0.0.1:1")) as client:
        with pytest.raises(SinkAway, match=r"clickhouse\.url"):
            await ClickHouseSink(client).write(batch([line(1)]))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
async def test_a_compressed_body_is_the_same(
    client: StoreClient, clickhouse: ClickHouseSettings, compression: str
) -> None:
    settings = clickhouse.model_copy(update={"compression": compression})
    async with StoreClient(settings) as other:
        await ClickHouseSink(other).write(batch(list(lines(range(1, 1001)))))
    assert len(await ids(client)) == 1000
