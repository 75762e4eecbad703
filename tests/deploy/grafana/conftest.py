"""One store with the known hits in it, for every test of the dashboards."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from schemas import hit
from tests.deploy.grafana import known_hits
from tests.deploy.grafana.board import Board
from tests.schemas.views import independent
from tests.support import visits
from tests.support.store import StoreProcess

DATABASE = "dashboards"


@pytest.fixture(scope="session")
def hits() -> list[dict[str, Any]]:
    return known_hits.hits()


@pytest.fixture(scope="session")
def store(
    tmp_path_factory: pytest.TempPathFactory, hits: list[dict[str, Any]]
) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        fill(process, hits)
        yield process


@pytest.fixture(scope="session")
def board(store: StoreProcess, hits: list[dict[str, Any]]) -> Board:
    return board_of(store, hits)


@pytest.fixture(scope="session")
def duck(
    store: StoreProcess, tmp_path_factory: pytest.TempPathFactory
) -> duckdb.DuckDBPyConnection:
    file: Path = tmp_path_factory.mktemp("duck") / "hits.ndjson"
    exported = store.must(independent.EXPORT + " FORMAT JSONEachRow", database=DATABASE)
    file.write_text(exported)
    return independent.connect(file)


def board_of(store: StoreProcess, hits: list[dict[str, Any]]) -> Board:
    """Return the dashboards over the days of the known hits, until the last one."""
    since_ms = visits.START_MS - visits.START_MS % visits.DAY_MS
    return Board(store, DATABASE, since_ms, known_hits.until_ms(hits))


def fill(store: StoreProcess, hits: list[dict[str, Any]]) -> None:
    """Make the tables, and put the hits and the dead letters in."""
    asyncio.run(migrate(ClickHouseSettings(url=store.url, database=DATABASE, retention_days=0)))
    store.must(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=visits.lines(hits),
        database=DATABASE,
        **PARSE_SETTINGS,
        **INSERT_SETTINGS,
    )
    for source, position, reason, after_ms in known_hits.LETTERS:
        at = hit.rfc3339(visits.START_MS + after_ms).rstrip("Z")
        store.must(
            "INSERT INTO dead_letters (source, position, reason, raw, inserted_at) "
            f"SELECT '{source}', {position}, '{reason}', '', toDateTime64('{at}', 3, 'UTC')",
            database=DATABASE,
        )
    source, position = known_hits.REPLAYED
    store.must(
        "INSERT INTO dead_letter_replays (source, position, outcome) "
        f"VALUES ('{source}', {position}, 'kept')",
        database=DATABASE,
    )
