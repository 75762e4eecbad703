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
    # The known hits stay in the year they are of, and members are kept for 30 days.
    store.must("ALTER TABLE audience_members REMOVE TTL", database=DATABASE)
    for audience, people in known_hits.audiences(hits).items():
        for day in range(3):
            # They grow by half of what is missing; the last snapshot has all.
            fill_audience(store, audience, people[: len(people) // 2 ** (2 - day)], day)


def fill_audience(store: StoreProcess, audience: str, people: list[str], day: int) -> None:
    """Put one snapshot in, as `heliograph audiences run` does; every third has an email."""
    at = visits.START_MS // 1000 + day * 86_400
    members = [
        {
            "audience": audience,
            "snapshot_at": at,
            "site": "shop",
            "person": person,
            "visitor_id": person,
            "email_hash": "ab" * 32 if number % 3 == 0 else "",
        }
        for number, person in enumerate(people)
    ]
    snapshot = {
        "audience": audience,
        "snapshot_at": at,
        "site": "shop",
        "members": len(people),
        "with_email": sum(bool(one["email_hash"]) for one in members),
        "definition": f"{audience} of the shop",
    }
    for table, rows in (("audience_members", members), ("audience_snapshots", [snapshot])):
        store.must(
            f"INSERT INTO {table} FORMAT JSONEachRow", body=visits.lines(rows), database=DATABASE
        )
