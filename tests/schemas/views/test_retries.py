"""Rollups count a block once: sent again, sent again half done, and beside others."""

from typing import Any

import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from tests.support import visits
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

DATABASE = "retries"
COUNTS = (
    "SELECT (SELECT count() FROM hits), (SELECT countIf(is_person_hit) FROM hits), "
    "(SELECT sum(hits) FROM traffic_rollup), "
    "(SELECT countIf(is_person_hit AND event = 'PageView') FROM hits), "
    "(SELECT sum(page_views) FROM pages_rollup)"
)


@pytest.fixture
async def blocks(store: StoreProcess) -> list[bytes]:
    store.must(f"DROP DATABASE IF EXISTS {DATABASE}")
    await migrate(ClickHouseSettings(url=store.url, database=DATABASE, retention_days=0))
    hits = visits.hits(120, seed=3)
    return [visits.lines(hits[start : start + 200]) for start in range(0, len(hits), 200)]


def insert(store: StoreProcess, number: int, block: bytes) -> int:
    settings: dict[str, Any] = {**PARSE_SETTINGS, **INSERT_SETTINGS}
    settings["insert_deduplication_token"] = f"block-{number}"
    sql = "INSERT INTO hits FORMAT JSONEachRow"
    return store.query(sql, body=block, database=DATABASE, **settings).status


def check(store: StoreProcess, hits: int) -> None:
    stored, people, in_rollup, views, in_pages = map(
        int, store.must(COUNTS, database=DATABASE).split()
    )
    assert (stored, people, views) == (hits, in_rollup, in_pages)


def test_a_block_sent_again_counts_once(store: StoreProcess, blocks: list[bytes]) -> None:
    for _ in range(3):
        for number, block in enumerate(blocks):
            assert insert(store, number, block) == 200
    check(store, sum(block.count(b"\n") for block in blocks))


def test_equal_blocks_of_other_tokens_count_each(store: StoreProcess, blocks: list[bytes]) -> None:
    for number in range(3):
        assert insert(store, number, blocks[0]) == 200
    check(store, 3 * blocks[0].count(b"\n"))


@pytest.mark.parametrize("last", ["aaa_fails", "zzz_fails"])
def test_a_block_that_failed_half_way_counts_once(
    store: StoreProcess, blocks: list[bytes], last: str
) -> None:
    """A view that fails stops the insert before, between or after the rollups."""
    store.must(
        f"CREATE MATERIALIZED VIEW {last} ENGINE = MergeTree ORDER BY id AS "
        "SELECT id, throwIf(1) AS one FROM hits",
        database=DATABASE,
    )
    for number, block in enumerate(blocks):
        assert insert(store, number, block) != 200
    store.must(f"DROP VIEW {last}", database=DATABASE)
    for number, block in enumerate(blocks):
        assert insert(store, number, block) == 200
    check(store, sum(block.count(b"\n") for block in blocks))
