"""One store with the hits of seeded people in it, and DuckDB with the same hits."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from tests.schemas.views import independent
from tests.schemas.views.reports import DATABASE, Reports
from tests.support import visits
from tests.support.store import StoreProcess

PEOPLE = 1_500
BLOCK_HITS = 3_000


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


@pytest.fixture(scope="session")
def reports(store: StoreProcess) -> Reports:
    asyncio.run(migrate(ClickHouseSettings(url=store.url, database=DATABASE, retention_days=0)))
    hits = visits.hits(PEOPLE)
    for start in range(0, len(hits), BLOCK_HITS):
        # Twice, as after a crash: no number may tell.
        for _ in range(2):
            store.must(
                "INSERT INTO hits FORMAT JSONEachRow",
                body=visits.lines(hits[start : start + BLOCK_HITS]),
                database=DATABASE,
                insert_deduplication_token=f"block-{start}",
                **PARSE_SETTINGS,
                **INSERT_SETTINGS,
            )
    return Reports(store)


@pytest.fixture(scope="session")
def duck(reports: Reports, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    file: Path = tmp_path_factory.mktemp("duck") / "hits.ndjson"
    file.write_text(reports.text(independent.EXPORT + " FORMAT JSONEachRow"))
    return independent.connect(file)
