"""Audiences in the store: make a snapshot once, list sizes, hand one out in a format.

A snapshot's time is the start of a period, so a run that is repeated within it finds it made. One
that was killed has members but no row in audience_snapshots, and is made anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from consumer.dead_letter_selection import sql_text
from consumer.store_client import StoreClient
from deploy.audiences.definitions import Audience
from deploy.audiences.query import members_query


class Format(NamedTuple):
    """One way to hand an audience out: columns of `audience_newest`, and ClickHouse's format."""

    select: str
    output: str
    content_type: str


_ALL: Final = (
    "SELECT person, visitor_id, user_id, email_hash, phone_hash FROM newest ORDER BY person"
)
FORMATS: Final[Mapping[str, Format]] = {
    "csv": Format(_ALL, "CSVWithNames", "text/csv"),
    "json": Format(_ALL, "JSONEachRow",
                   "application/x-ndjson"),
    "parquet": Format(_ALL, "Parquet",
                      "application/vnd.apache.parquet"),
    # Meta, "How to format a customer list": a column `email`; its phone numbers are hashed without
    # the `+`, ours with it (collector.contacts), so they would match nobody.
    "meta": Format("SELECT DISTINCT email_hash AS email FROM newest WHERE email_hash != '' "
                   "ORDER BY email", "CSVWithNames", "text/csv"),
    # Google Ads, "Format your customer data file": columns `Email` and `Phone`, E.164 hashed.
    "google": Format("SELECT DISTINCT email_hash AS Email, phone_hash AS Phone FROM newest "
                     "WHERE email_hash != '' OR phone_hash != '' ORDER BY ALL", "CSVWithNames",
                     "text/csv"),
}  # fmt: skip


async def run(client: StoreClient, audience: Audience, every_seconds: int) -> tuple[int, bool]:
    """Make the snapshot of the period that the store's clock is in; return size and whether new."""
    at = int(await client.execute(f"SELECT intDiv(toUnixTimestamp(now()), {every_seconds})"))
    at *= every_seconds
    key = f"audience = {sql_text(audience.name)} AND snapshot_at = toDateTime({at}, 'UTC')"
    there = await _rows(client, f"SELECT members, definition FROM audience_sizes WHERE {key}")  # noqa: S608 - our own names, texts as hexadecimal
    if there and there[0]["definition"] == audience.definition:
        return int(there[0]["members"]), False
    # What a run that was killed left, or a definition that was changed within the period.
    await client.execute(
        f"ALTER TABLE audience_members DELETE WHERE {key} SETTINGS mutations_sync = 2"
    )
    constants = f"{sql_text(audience.name)}, toDateTime({at}, 'UTC'), {sql_text(audience.site)}"
    await client.execute(
        "INSERT INTO audience_members (audience, snapshot_at, site, person, visitor_id, user_id, "  # noqa: S608 - our own names, texts as hexadecimal
        f"email_hash, phone_hash) SELECT {constants}, * FROM ({members_query(audience, at)}) "
        "SETTINGS insert_deduplicate = 0"
    )
    await client.execute(
        "INSERT INTO audience_snapshots (audience, snapshot_at, site, members, with_email, "  # noqa: S608 - our own names, texts as hexadecimal
        f"definition) SELECT {constants}, uniqExact(person), "
        f"uniqExactIf(person, email_hash != ''), {sql_text(audience.definition)} "
        f"FROM audience_members WHERE {key} "
        "SETTINGS insert_deduplicate = 0"
    )
    size = await client.execute(f"SELECT members FROM audience_sizes WHERE {key}")  # noqa: S608 - our own names, texts as hexadecimal
    return int(size), True


async def newest(client: StoreClient) -> Sequence[Mapping[str, Any]]:
    """Return the newest snapshot of each audience."""
    return await _rows(
        client,
        "SELECT * FROM audience_sizes ORDER BY audience, snapshot_at DESC LIMIT 1 BY audience",
    )


async def handed_out(client: StoreClient, name: str, site: str, format_name: str) -> bytes | None:
    """Return the newest snapshot in a format; None if there is none of this name and site.

    An empty `site` is any.
    """
    found = [one for one in await newest(client) if one["audience"] == name]
    if not found or (site and found[0]["site"] != site):
        return None
    one = FORMATS[format_name]
    return await client.fetch(
        f"WITH newest AS (SELECT * FROM audience_newest WHERE audience = {sql_text(name)}) "  # noqa: S608 - our own names, texts as hexadecimal
        f"{one.select} FORMAT {one.output}"
    )


async def _rows(client: StoreClient, query: str) -> list[dict[str, Any]]:
    text = await client.execute(f"{query} FORMAT JSONEachRow")
    return [orjson.loads(line) for line in text.splitlines()]
