"""What the store has of a subject: counts, rows, and their erasure with a receipt.

Order of an erasure: the rollups' hours are noted, rows are deleted, each table is asked again and
must have none, the noted hours are rebuilt. A kill at any point is made good by running it again.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from consumer.store_client import StoreClient
from deploy.person.rollups import note_hours, rebuild_noted
from deploy.person.subject import Subject
from schemas.errors import Explained

# Of each table: what names a row, for the checksum of what was there.
ROW_NAMES: Final[Mapping[str, str]] = {
    "hits": "toString(id)",
    "dead_letters": "concat(source, ':', toString(position))",
    "audience_members": "concat(audience, ' ', toString(snapshot_at), ' ', person)",
}
_TIMES: Final[Mapping[str, str]] = {
    "hits": "received_at",
    "dead_letters": "inserted_at",
    "audience_members": "snapshot_at",
}


class NotErased(Explained):
    """Rows are left, or came in meanwhile."""


class Found(NamedTuple):
    """How many rows of a table are the subject's, from when to when, and their checksum."""

    table: str
    rows: int
    first_at: str
    last_at: str
    checksum: str


async def found(client: StoreClient, subject: Subject) -> list[Found]:
    """Return what each table has."""
    answers = []
    for table, condition in subject.conditions().items():
        row_name, time = ROW_NAMES[table], _TIMES[table]
        answer = await _rows(
            client,
            f"SELECT count() AS rows, toString(min({time})) AS first_at, "  # noqa: S608 - our own names, texts as hexadecimal
            f"toString(max({time})) AS last_at, lower(hex(SHA256(arrayStringConcat("
            f"arraySort(groupArray({row_name})), '\\n')))) AS checksum "
            f"FROM {table} WHERE {condition}",
        )
        one = answer[0]
        rows = int(one["rows"])
        first_at, last_at = (one["first_at"], one["last_at"]) if rows else ("", "")
        answers.append(Found(table, rows, first_at, last_at, one["checksum"]))
    return answers


async def also_known(client: StoreClient, subject: Subject) -> list[dict[str, Any]]:
    """Return other ids that the subject's hits have: who asked may want them too."""
    return await _rows(
        client,
        "SELECT kind, id, count() AS hits FROM ("  # noqa: S608 - our own names, texts as hexadecimal
        "SELECT arrayJoin([('visitor', ifNull(toString(visitor_id), '')), ('user', user_id)]) "
        "AS one, one.1 AS kind, one.2 AS id "
        f"FROM hits WHERE {subject.conditions()['hits']}) "
        "WHERE id != '' GROUP BY kind, id ORDER BY kind, hits DESC LIMIT 100",
    )


async def rows_of(client: StoreClient, subject: Subject) -> list[dict[str, Any]]:
    """Return all rows, each with the table that it is in; times as UTC text."""
    rows: list[dict[str, Any]] = []
    for table, condition in subject.conditions().items():
        order = _TIMES[table]
        found_rows = await _rows(
            client,
            f"SELECT * FROM {table} WHERE {condition} ORDER BY {order}",  # noqa: S608 - our own names, texts as hexadecimal
        )
        rows += [{"table": table, **row} for row in found_rows]
    return rows


async def erase(client: StoreClient, subject: Subject) -> dict[str, Any]:
    """Erase all rows and return the receipt; raises NotErased if any is left."""
    before = await found(client, subject)
    conditions = subject.conditions()
    began = await client.execute("SELECT toString(now64(3, 'UTC'))")
    await note_hours(client, conditions["hits"])
    await client.execute(
        "ALTER TABLE dead_letter_replays DELETE WHERE (source, position) IN "  # noqa: S608 - our own names, texts as hexadecimal
        f"(SELECT source, position FROM dead_letters WHERE {conditions['dead_letters']}) "
        "SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"
    )
    for table, condition in conditions.items():
        await client.execute(
            f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2"
        )
    left = await found(client, subject)
    if any(one.rows for one in left):
        which = ", ".join(f"{one.rows} in {one.table}" for one in left if one.rows)
        raise NotErased(f"rows of this person came in meanwhile: {which}; run it again")
    hours = await rebuild_noted(client)
    ended = await client.execute("SELECT toString(now64(3, 'UTC'))")
    receipt = {
        "what": "erased",
        "subject": subject.digests(),
        "began_at": f"{began} UTC",
        "ended_at": f"{ended} UTC",
        "tables": [
            {**one._asdict(), "rows_left": after.rows}
            for one, after in zip(before, left, strict=True)
        ],
        "rollup_hours_rebuilt": hours,
    }
    return receipt | {"sha256": checksum(receipt)}


def checksum(receipt: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a receipt without that member: its JSON with sorted keys, no blanks."""
    content = {name: value for name, value in receipt.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


async def _rows(client: StoreClient, query: str) -> list[dict[str, Any]]:
    text = await client.execute(f"{query} FORMAT JSONEachRow")
    return [orjson.loads(line) for line in text.splitlines()]
