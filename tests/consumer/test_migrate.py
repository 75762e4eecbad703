"""Migrations on the real engine: twice, at once, dry, changed; retention."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from consumer import migrate as migrate_module
from consumer import retention
from consumer.migrate import Migration, MigrationChanged, migrate, migrations
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient

pytestmark = pytest.mark.real


async def ask(settings: ClickHouseSettings, question: str) -> str:
    async with StoreClient(settings) as client:
        return await client.execute(question)


async def test_twice_changes_nothing_more(clickhouse: ClickHouseSettings) -> None:
    assert len(await migrate(clickhouse)) > len(migrations())
    assert await migrate(clickhouse) == []
    applied = await ask(clickhouse, "SELECT version, name FROM schema_migrations ORDER BY version")
    assert applied.splitlines() == [f"{one.version}\t{one.name}" for one in migrations()]


async def test_at_once_leaves_one_record_of_each(clickhouse: ClickHouseSettings) -> None:
    await asyncio.gather(*(migrate(clickhouse) for _ in range(4)))
    assert await ask(clickhouse, "SELECT count() FROM schema_migrations") == str(len(migrations()))
    assert await migrate(clickhouse) == []


async def test_a_dry_run_says_what_a_run_does(clickhouse: ClickHouseSettings) -> None:
    told = await migrate(clickhouse, dry_run=True)
    exists = f"SELECT count() FROM system.databases WHERE name = '{clickhouse.database}'"
    async with StoreClient(clickhouse) as client:
        assert await client.execute(exists, database="") == "0"
    assert told == await migrate(clickhouse)
    assert await migrate(clickhouse, dry_run=True) == []


async def test_a_changed_migration_is_an_error(
    clickhouse: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(clickhouse)
    changed = [replace(migrations()[0], sql="SELECT 1;"), *migrations()[1:]]
    monkeypatch.setattr(migrate_module, "migrations", lambda: changed)
    with pytest.raises(MigrationChanged, match="0001_hits was applied to database test_"):
        await migrate(clickhouse)


def test_a_checksum_is_of_the_statements() -> None:
    plain = Migration(1, "a", "CREATE TABLE a (b Int8)\nENGINE = Null;\n")
    commented = Migration(1, "a", "-- why\nCREATE TABLE  a (b Int8) ENGINE = Null;\n\n")
    assert plain.checksum == commented.checksum
    assert plain.checksum != replace(plain, sql=plain.sql.replace("Int8", "Int16")).checksum


@pytest.mark.parametrize("migration", migrations(), ids=lambda one: one.name)
def test_each_statement_may_run_twice(migration: Migration) -> None:
    assert migration.statements
    may_run_twice = (
        r"\bIF (NOT )?EXISTS\b|\bCREATE OR REPLACE\b|\bMODIFY\b|\binsert_deduplication_token\b"
    )
    for statement in migration.statements:
        assert re.search(may_run_twice, statement)


async def ttl(settings: ClickHouseSettings) -> Sequence[str]:
    tables = await ask(
        settings,
        "SELECT name, extract(engine_full, 'toIntervalDay\\((\\d+)\\)') FROM system.tables "
        "WHERE database = currentDatabase() AND name IN ('hits', 'dead_letters') ORDER BY name",
    )
    return [row.partition("\t")[2] for row in tables.splitlines()]


async def test_retention_follows_the_setting(clickhouse: ClickHouseSettings) -> None:
    for days, wanted in ((0, ""), (395, "395"), (30, "30"), (0, "")):
        settings = clickhouse.model_copy(update={"retention_days": days})
        await migrate(settings)
        assert await ttl(settings) == [wanted, wanted]
        assert await migrate(settings) == []


SITES = '[[site]]\nkey = "shop"\nretention_days = 90\n[[site]]\nkey = "blog"\n'


async def left(settings: ClickHouseSettings) -> Sequence[str]:
    """Insert hits of 60 and 100 days ago for each site; return what ClickHouse keeps of them."""
    await ask(
        settings,
        "INSERT INTO hits (site, received_at) SELECT arrayJoin(['shop', 'blog', 'more']), "
        "now() - toIntervalDay(arrayJoin([60, 100]))",
    )
    await ask(settings, "OPTIMIZE TABLE hits FINAL")
    question = "SELECT site, dateDiff('day', received_at, now()) FROM hits ORDER BY ALL"
    return (await ask(settings, question)).splitlines()


@pytest.mark.parametrize("days", [0, 80, 395])
async def test_a_site_has_its_own_retention(
    clickhouse: ClickHouseSettings, tmp_path: Path, days: int
) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(SITES)
    settings = clickhouse.model_copy(update={"retention_days": days, "sites_file": file})
    await migrate(settings)
    assert await migrate(settings) == []
    others = [60] if days == 80 else [60, 100]
    assert await left(settings) == [
        *(f"blog\t{age}" for age in others),
        *(f"more\t{age}" for age in others),
        "shop\t60",
    ]
    assert (await ttl(settings))[0] == str(80 if days == 80 else 90)
    file.write_text("[[site")
    assert await migrate(settings) == []
    file.write_text("")
    assert await migrate(settings)
    assert await ttl(settings) == [str(days) if days else ""] * 2


def test_a_ttl_is_one_expression() -> None:
    of_sites = {"shop": 90, "blog": 30}
    assert retention.ttl("hits", 395, of_sites) == (
        "toDateTime(received_at) + toIntervalDay(transform(site, ['shop', 'blog'], [90, 30], 395))"
    )
    assert retention.ttl("hits", 0, of_sites).endswith(" WHERE site IN ('shop', 'blog')")
    letters = "toDateTime(inserted_at) + toIntervalDay({})"
    assert retention.ttl("dead_letters", 0, of_sites) == letters.format(30)
    assert retention.ttl("dead_letters", 7, of_sites) == letters.format(7)
    assert retention.ttl("dead_letters", 0, {}) == retention.ttl("hits", 0, {}) == ""
