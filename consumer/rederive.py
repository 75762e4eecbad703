"""Applies this version's rules to history: stored columns first, then the rollups made of them.

Invariants:

- Rows are changed by mutations and inserts into the same tables, never by TRUNCATE or EXCHANGE, so
  the tables keep the tokens of the blocks they have: a batch that comes again is still dropped.
- Rollup hours whose hits are gone (retention) stay as they are.
- Hits that come in while a rollup is rebuilt would count twice or not at all: the sums are compared
  at the end, and `HitsCameIn` says so. Stop the consumer first; then repeat.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from consumer.store_client import StoreClient
from schemas.enrichment import rules
from schemas.errors import Explained

# Rollup → what the hits it counts sum up to, in it and in hits.
ROLLUPS = {
    "traffic_rollup": ("sum(hits)", "countIf(is_person_hit)"),
    "pages_rollup": ("sum(page_views)", "countIf(is_person_hit AND event = 'PageView')"),
}
# Derived in the migration, not by rules that change; stored where hits were there before it.
_FIXED = ("host", "path", "referrer_host", "utm_source", "utm_medium", "utm_campaign")
_PLACES = ("country", "region", "asn", "network")
POLL_SECONDS = 0.5


class HitsCameIn(Explained):
    """The rollups were rebuilt while hits came in."""


async def rederive(
    client: StoreClient, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[str]:
    """Do it, and yield lines for a person; raises HitsCameIn, StoreError, SinkAway."""
    stored = [name for name, column in rules.columns().items() if " MATERIALIZED " in column]
    names = (*_FIXED, *_PLACES, *stored)
    await client.execute(
        "ALTER TABLE hits " + ", ".join(f"MATERIALIZE COLUMN {name}" for name in names)
    )
    await _mutated(client, "hits", sleep)
    hits = await client.execute("SELECT count() FROM hits")
    yield f"{hits} hits have rules {rules.version()}"
    for rollup in ROLLUPS:
        first = await _first_hour(client, rollup)
        if first:
            await client.execute(f"ALTER TABLE {rollup} DELETE WHERE hour >= '{first}'")
            await _mutated(client, rollup, sleep)
            for day in await _days(client, first):
                await _refill(client, rollup, first, day)
            await _compare(client, rollup, first)
        yield f"{await client.execute(f'SELECT count() FROM {rollup}')} rows in {rollup}"  # noqa: S608 - a name of ours


async def _mutated(
    client: StoreClient, table: str, sleep: Callable[[float], Awaitable[None]]
) -> None:
    unfinished = (
        "SELECT count() FROM system.mutations WHERE NOT is_done "  # noqa: S608 - a name of ours
        f"AND database = currentDatabase() AND table = '{table}'"
    )
    while await client.execute(unfinished) != "0":
        await sleep(POLL_SECONDS)


async def _first_hour(client: StoreClient, rollup: str) -> str:
    """Return the first hour whose hits are all there; empty if there are no hits."""
    first = "SELECT min(toStartOfHour(received_at)) FROM hits"
    older = f"SELECT count() FROM {rollup} WHERE hour < ({first})"  # noqa: S608 - a name of ours
    return await client.execute(
        "SELECT if(count() = 0, '', "  # noqa: S608 - made of the two above
        f"toString(({first}) + toIntervalHour(({older}) > 0))) FROM hits"
    )


async def _days(client: StoreClient, first: str) -> Sequence[str]:
    text = await client.execute(
        "SELECT DISTINCT toDate(received_at) AS day FROM hits "  # noqa: S608 - a time
        f"WHERE received_at >= '{first}' ORDER BY day"
    )
    return text.splitlines()


async def _refill(client: StoreClient, rollup: str, first: str, day: str) -> None:
    """Insert a day as the rollup's own view would: its query, held to the day by a filter."""
    select = await client.execute(
        "SELECT as_select FROM system.tables WHERE database = currentDatabase() "  # noqa: S608 - a name of ours
        f"AND name = '{rollup}_view' FORMAT TSVRaw"
    )
    filters = f"toDate(received_at) = \\'{day}\\' AND received_at >= \\'{first}\\'"
    # Without deduplication: the same rows after a second rebuild are no repetition of the first.
    await client.execute(
        f"INSERT INTO {rollup} {select} SETTINGS insert_deduplicate = 0, "
        f"additional_table_filters = {{'hits': '{filters}'}}"
    )


async def _compare(client: StoreClient, rollup: str, first: str) -> None:
    in_rollup, in_hits = ROLLUPS[rollup]
    has = await client.execute(f"SELECT {in_rollup} FROM {rollup} WHERE hour >= '{first}'")  # noqa: S608 - names of ours
    wanted = await client.execute(f"SELECT {in_hits} FROM hits WHERE received_at >= '{first}'")  # noqa: S608 - names of ours
    if has != wanted:
        raise HitsCameIn(
            f"{rollup} counts {has} of {wanted} hits: hits came in while it was rebuilt. Stop the "
            "consumer (hits wait in the journal or in Kafka), then run this again"
        )
