"""The demo into the store: batches made in a thread while those before them are inserted.

Safe to repeat and to kill. A large demo is one insert for each batch of an hour, known by its
token. Of a small one, hours that the store has are left out and the others go in many at a time,
since 700 inserts of a hundred rows take minutes; an insert is in as a whole or not at all.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from consumer.user_agents import parse_new_agents
from deploy.demo.month import DemoBatch, Month
from deploy.progress import Progress

# Up to here each hour is one batch.
SMALL_HITS_PER_DAY: Final = 240_000
MERGED_ROWS: Final = 10_000
# So many batches may be on their way at once, and so many rows.
INSERTS_MAX: Final = 4
ROWS_MAX: Final = 200_000


async def fill_store(settings: ClickHouseSettings, seed: int, hits: int, days: int) -> None:
    """Insert the hits of `days` days and of today's whole hours; print what was done."""
    await migrate(settings)
    async with StoreClient(settings) as client:
        before = int(await client.execute("SELECT count() FROM hits"))
        now = datetime.fromisoformat(await client.execute("SELECT toString(now('UTC'))"))
        until = now.replace(minute=0, second=0)
        since = until.replace(hour=0) - timedelta(days=days)
        month = Month(seed, hits / days)
        batches = month.batches(since, until)
        if hits / days <= SMALL_HITS_PER_DAY:
            batches = _merged(batches, await _hours_of(client, month, since))
        progress = Progress(sys.stderr, "hits", hits, monotonic)
        await _insert_all(client, batches, progress)
        progress.close()
        added = int(await client.execute("SELECT count() FROM hits")) - before
        await parse_new_agents(client, again=False)
    print(f"{added} new hits, of {since:%Y-%m-%d} to {until:%Y-%m-%d %H:%M} UTC")


async def _hours_of(client: StoreClient, month: Month, since: datetime) -> frozenset[datetime]:
    """Return the hours of which the store has this demo's hits."""
    first, second = month.id_parts
    found = await client.execute(
        "SELECT DISTINCT toString(toStartOfHour(received_at)) FROM hits "  # noqa: S608 - our own texts
        f"WHERE received_at >= toDateTime('{since}', 'UTC') "
        f"AND substring(toString(id), 16, 3) = '{first}' "
        f"AND substring(toString(id), 25, 5) = '{second}'"
    )
    return frozenset(map(datetime.fromisoformat, found.splitlines()))


def _merged(batches: Iterator[DemoBatch], there: frozenset[datetime]) -> Iterator[DemoBatch]:
    """Yield hours that are not there, some together under a token of all of theirs."""
    together: list[DemoBatch] = []
    for batch in batches:
        if batch.at not in there:
            together.append(batch)
            if sum(each.rows for each in together) >= MERGED_ROWS:
                yield _one_of(together)
                together = []
    if together:
        yield _one_of(together)


def _one_of(together: list[DemoBatch]) -> DemoBatch:
    tokens = "\n".join(each.token for each in together)
    return DemoBatch(
        together[0].at,
        f"demo-{sha256(tokens.encode()).hexdigest()}",
        sum(each.rows for each in together),
        b"".join(each.data for each in together),
    )


async def _insert_all(
    client: StoreClient, batches: Iterator[DemoBatch], progress: Progress
) -> None:
    on_their_way: dict[asyncio.Task[None], int] = {}
    try:
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            on_their_way[asyncio.create_task(_insert(client, batch))] = batch.rows
            while len(on_their_way) >= INSERTS_MAX or sum(on_their_way.values()) > ROWS_MAX:
                await _wait_for_one(on_their_way, progress)
        while on_their_way:
            await _wait_for_one(on_their_way, progress)
    finally:
        for task in on_their_way:
            task.cancel()


async def _wait_for_one(on_their_way: dict[asyncio.Task[None], int], progress: Progress) -> None:
    done, _ = await asyncio.wait(on_their_way, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        progress.add(on_their_way.pop(task))
        task.result()


async def _insert(client: StoreClient, batch: DemoBatch) -> None:
    settings = {**PARSE_SETTINGS, **INSERT_SETTINGS, "insert_deduplication_token": batch.token}
    await client.insert("INSERT INTO hits FORMAT JSONEachRow", batch.data, settings)
