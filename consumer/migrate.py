"""Migrations: applies schemas/clickhouse in order, records them, sets retention and rules.

Invariants:

- A migration may run twice, also by two processes at once: each statement says IF NOT EXISTS or
  the like (a test looks), and the record of it is written after it.
- A migration that was recorded never changes: another checksum is an error. Retention and the
  rules of enrichment do change, and are compared with what the store has each time.

Knows nothing of what the tables are for, but for those whose rows age.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from consumer.retention import AGING, sites_days, ttl
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.enrichment import rules
from schemas.errors import Explained

log = logging.getLogger(__name__)

RECORDS = """CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY version
SETTINGS non_replicated_deduplication_window = 10000"""

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_TTL = re.compile(r"\bTTL (.+?)(?: SETTINGS |$)", re.DOTALL)


class MigrationChanged(Explained):
    """A migration that was applied here is not the one in this version."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """A hash of the statements, comments and line breaks aside."""
        return hashlib.sha256(" ".join(" ".join(self.statements).split()).encode()).hexdigest()

    @property
    def statements(self) -> Sequence[str]:
        """The statements without comments and semicolons."""
        code = "\n".join(line for line in self.sql.splitlines() if not line.startswith("--"))
        return [part.strip() for part in re.split(r";\s*$", code, flags=re.M) if part.strip()]


def migrations() -> Sequence[Migration]:
    """Return all migrations of this version, in order; also from an installed wheel."""
    found = []
    for file in resources.files("schemas").joinpath("clickhouse").iterdir():
        name = _FILE_NAME.fullmatch(file.name)
        if name is not None:
            found.append(Migration(int(name[1]), name[2], file.read_text("utf-8")))
    found.sort(key=lambda migration: migration.version)
    assert [one.version for one in found] == list(range(1, len(found) + 1)), "a number is missing"
    return found


async def migrate(settings: ClickHouseSettings, *, dry_run: bool = False) -> list[str]:
    """Bring the store's tables to this version; return the statements that it took.

    With `dry_run`, return those it would take and change nothing. Safe to repeat, and to run twice
    at once. Raises MigrationChanged, StoreError, SinkAway.
    """
    async with StoreClient(settings) as client:
        return await _Run(client, settings, dry_run=dry_run).run()


class _Run:
    def __init__(self, client: StoreClient, settings: ClickHouseSettings, *, dry_run: bool) -> None:
        self._client = client
        self._settings = settings
        self._dry_run = dry_run
        self._taken: list[str] = []

    async def run(self) -> list[str]:
        database = self._settings.database
        exists = await self._database_exists()
        if not exists:
            await self._take(f"CREATE DATABASE IF NOT EXISTS {database}", database="")
        applied = await self._applied() if exists else None
        if applied is None:
            await self._take(RECORDS)
        for migration in migrations():
            await self._apply(migration, applied or {})
        of_sites = sites_days(self._settings.sites_file)
        if of_sites is not None:
            for table in AGING:
                await self._retain(table, ttl(table, self._settings.retention_days, of_sites))
        await self._derive()
        return self._taken

    async def _take(self, statement: str, *, database: str | None = None) -> None:
        self._taken.append(statement)
        if not self._dry_run:
            await self._client.execute(statement, database=database)

    async def _ask(self, question: str) -> str:
        return await self._client.execute(question, database="")

    async def _database_exists(self) -> bool:
        name = self._settings.database
        answer = await self._ask(f"SELECT count() FROM system.databases WHERE name = '{name}'")  # noqa: S608 - a checked name
        return answer == "1"

    async def _table(self, table: str, column: str) -> str:
        """Return a column of system.tables for a table; empty if there is no such table."""
        return await self._ask(
            f"SELECT {column} FROM system.tables WHERE database = "  # noqa: S608 - names of our own
            f"'{self._settings.database}' AND name = '{table}'"
        )

    async def _applied(self) -> Mapping[int, str] | None:
        """Return version → checksum of what was applied; None if there are no records yet."""
        if not await self._table("schema_migrations", "name"):
            return None
        rows = await self._client.execute(
            "SELECT DISTINCT version, checksum FROM schema_migrations"
        )
        pairs = (row.split("\t") for row in rows.splitlines())
        return {int(version): checksum for version, checksum in pairs}

    async def _apply(self, migration: Migration, applied: Mapping[int, str]) -> None:
        recorded = applied.get(migration.version)
        if recorded == migration.checksum:
            return
        label = f"{migration.version:04d}_{migration.name}"
        if recorded is not None:
            raise MigrationChanged(
                f"migration {label} was applied to database {self._settings.database} with other "
                "statements than this version has. A migration must never change: restore the "
                "file, or use the version of Heliograph that applied it"
            )
        for statement in migration.statements:
            await self._take(statement)
        # The token makes it one record, also when two processes apply it at once.
        await self._take(
            "INSERT INTO schema_migrations (version, name, checksum) SETTINGS "  # noqa: S608 - names and hashes of our own
            f"insert_deduplication_token = '{label}-{migration.checksum}' "
            f"VALUES ({migration.version}, '{migration.name}', '{migration.checksum}')"
        )
        if not self._dry_run:
            log.info("applied migration %s", label)

    async def _retain(self, table: str, wanted: str) -> None:
        found = _TTL.search((await self._table(table, "engine_full")).replace("\\'", "'"))
        if (found[1] if found else "") == wanted:
            return
        change = f"MODIFY TTL {wanted}" if wanted else "REMOVE TTL"
        await self._take(f"ALTER TABLE {table} {change}")

    async def _derive(self) -> None:
        """Give the derived columns this version's rules; what is stored keeps what it has."""
        mark = f"{rules.MARK}{rules.version()}"
        found = await self._ask(
            "SELECT any(comment) FROM system.columns WHERE table = 'hits' AND name = 'channel' "  # noqa: S608 - a checked name
            f"AND database = '{self._settings.database}'"
        )
        if found != mark:
            columns = (
                f"MODIFY COLUMN {name} {column} COMMENT '{mark}'"
                for name, column in rules.columns().items()
            )
            await self._take("ALTER TABLE hits " + ", ".join(columns))
