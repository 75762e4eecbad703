"""Rollups after an erasure: the hours that counted the erased hits are made anew from the others.

States of the rollups hold hashes of persons, and nothing can be taken out of one. An hour that
counts hits which are gone for their age can't be made anew and stays: it has hashes of ids that
nothing else has any more.
"""

from typing import Final

from consumer.rederive import ROLLUPS
from consumer.store_client import StoreClient
from schemas.errors import Explained

HOURS_AT_ONCE: Final = 200
TRIES_MAX: Final = 5
_HOUR: Final = "toStartOfHour(received_at)"


class HoursChanged(Explained):
    """Hits came in for the hours that were rebuilt, time and again."""


async def note_hours(client: StoreClient, condition: str) -> None:
    """Note the hours of hits that are to go, where the rollup counts only hits that are there."""
    await client.execute(
        "INSERT INTO rollup_rebuilds (site, hour) "  # noqa: S608 - our own names, texts as hexadecimal
        "SELECT all_hits.site, all_hits.hour FROM ("
        f"SELECT toString(site) AS site, {_HOUR} AS hour, countIf(is_person_hit) AS hits FROM hits "
        f"WHERE (site, {_HOUR}) IN (SELECT site, {_HOUR} FROM hits WHERE {condition}) "
        "GROUP BY site, hour) AS all_hits "
        "INNER JOIN (SELECT toString(site) AS site, hour, sum(hits) AS hits FROM traffic_rollup "
        "GROUP BY site, hour) AS counted "
        "ON all_hits.site = counted.site AND all_hits.hour = counted.hour "
        "WHERE all_hits.hits = counted.hits SETTINGS insert_deduplicate = 0"
    )


async def rebuild_noted(client: StoreClient) -> int:
    """Rebuild all hours that are noted, also by runs that were killed; return how many."""
    done = 0
    while keys := await _noted(client):
        for rollup in ROLLUPS:
            await _rebuild(client, rollup, keys)
        await client.execute(
            f"ALTER TABLE rollup_rebuilds DELETE WHERE {_in('site', 'hour', keys)} "
            "SETTINGS mutations_sync = 2"
        )
        done += len(keys)
    return done


async def _noted(client: StoreClient) -> list[str]:
    """Return some of the hours, each as a tuple in SQL."""
    text = await client.execute(
        "SELECT DISTINCT hex(site), toUnixTimestamp(hour) FROM rollup_rebuilds "  # noqa: S608 - a number of ours
        f"ORDER BY ALL LIMIT {HOURS_AT_ONCE} FORMAT TSVRaw"
    )
    keys = []
    for line in text.splitlines():
        site, _, hour = line.rpartition("\t")
        keys.append(f"(unhex('{site}'), toDateTime({hour}, 'UTC'))")
    return keys


async def _rebuild(client: StoreClient, rollup: str, keys: list[str]) -> None:
    in_rollup, in_hits = ROLLUPS[rollup]
    of_rollup, of_hits = _in("site", "hour", keys), _in("site", _HOUR, keys)
    select = await client.execute(
        "SELECT as_select FROM system.tables WHERE database = currentDatabase() "  # noqa: S608 - a name of ours
        f"AND name = '{rollup}_view' FORMAT TSVRaw"
    )
    filters = of_hits.replace("'", "\\'")
    for _ in range(TRIES_MAX):
        await client.execute(
            f"ALTER TABLE {rollup} DELETE WHERE {of_rollup} SETTINGS mutations_sync = 2"
        )
        await client.execute(
            f"INSERT INTO {rollup} {select} SETTINGS insert_deduplicate = 0, "
            f"additional_table_filters = {{'hits': '{filters}'}}"
        )
        has = await client.execute(f"SELECT {in_rollup} FROM {rollup} WHERE {of_rollup}")  # noqa: S608 - names of ours
        wanted = await client.execute(f"SELECT {in_hits} FROM hits WHERE {of_hits}")  # noqa: S608 - names of ours
        if has == wanted:
            return
    raise HoursChanged(
        f"the hits are erased, but {rollup} can't be rebuilt while hits of the same hours come in; "
        "stop the consumer (hits wait in the journal or in Kafka) and run this again"
    )


def _in(site: str, hour: str, keys: list[str]) -> str:
    return f"({site}, {hour}) IN ({', '.join(keys)})"
