"""Better rules reach history: columns and rollups, twice, and never when hits come in meanwhile."""

import asyncio

import pytest

from consumer import rederive as rederive_module
from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.migrate import migrate
from consumer.rederive import HitsCameIn, rederive
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.enrichment import rules
from tests.support import visits

pytestmark = pytest.mark.real

CHANNELS = "SELECT channel, sum(hits) FROM traffic_rollup GROUP BY channel ORDER BY channel"
OF_HITS = "SELECT channel, count() FROM people_hits GROUP BY channel ORDER BY channel"


async def insert(client: StoreClient, token: str = "one") -> None:
    settings = {**PARSE_SETTINGS, **INSERT_SETTINGS, "insert_deduplication_token": token}
    data = visits.lines(visits.hits(80))
    await client.insert("INSERT INTO hits FORMAT JSONEachRow", data, settings)


async def again(client: StoreClient) -> list[str]:
    return [line async for line in rederive(client, asyncio.sleep)]


async def test_history_gets_the_new_rules(
    client: StoreClient, clickhouse: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(client)
    before = await client.execute(CHANNELS)
    assert before == await client.execute(OF_HITS)
    assert "Paid Search" in before
    columns = rules.columns()
    newer = {**columns, "channel": columns["channel"].replace("'Paid Search'", "'Bought Search'")}
    monkeypatch.setattr(rules, "columns", lambda: newer)
    assert len(await migrate(clickhouse)) == 1
    assert await client.execute(CHANNELS) == before
    for _ in range(2):
        lines = await again(client)
        assert rules.version() in lines[0]
        after = await client.execute(CHANNELS)
        renamed = before.replace("Paid Search", "Bought Search").splitlines()
        assert sorted(after.splitlines()) == sorted(renamed)
        assert after == await client.execute(OF_HITS)
    # The tokens are still known: what comes again is dropped.
    await insert(client)
    assert await client.execute(CHANNELS) == after


async def test_rollups_older_than_hits_stay(client: StoreClient) -> None:
    await insert(client)
    await client.execute("OPTIMIZE TABLE hits FINAL")
    total = await client.execute("SELECT sum(hits) FROM traffic_rollup")
    cut = "toStartOfDay((SELECT min(received_at) FROM hits)) + INTERVAL 9 DAY"
    hour = await client.execute(f"SELECT toString({cut})")
    await client.execute(
        f"ALTER TABLE hits DELETE WHERE received_at < '{hour}' SETTINGS mutations_sync = 2"
    )
    await again(client)
    assert await client.execute("SELECT sum(hits) FROM traffic_rollup") == total


async def test_hits_that_come_in_are_noticed(
    client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(client)
    refill = rederive_module._refill

    async def refilled(client: StoreClient, rollup: str, first: str, day: str) -> None:
        await refill(client, rollup, first, day)
        await insert(client, f"{rollup}-{day}")

    monkeypatch.setattr(rederive_module, "_refill", refilled)
    with pytest.raises(HitsCameIn, match="Stop the consumer"):
        await again(client)
    monkeypatch.undo()
    await again(client)
    assert await client.execute(CHANNELS) == await client.execute(OF_HITS)
