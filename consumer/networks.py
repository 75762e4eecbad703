"""Which country or network an address is of: a file that the operator supplies, as a dictionary.

`countries` and `asns` are two files, each an MMDB (MaxMind's format: GeoLite2, DB-IP, IPinfo) or
a CSV with a header. A file becomes a table, the table an ip_trie dictionary, and columns of hits
look themselves up in it at each insert. The dictionary is loaded before a column uses it: one that
can't be loaded would stop inserts.

Accuracy: without consent the address is cut to /24 or /48 before it is stored, so the look-up is of
that network's first address. Networks in these files are seldom smaller.
"""

import csv
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import maxminddb
import orjson

from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.enrichment.rules import literal
from schemas.errors import Explained

BATCH_ROWS = 100_000
_MAPPED_BITS = 96


class BadNetworks(Explained):
    """A file of networks can't be used; says which row and why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: its name, and its columns in hits with type and default."""

    name: str
    columns: Mapping[str, tuple[str, str]]


KINDS = {
    "countries": Kind(
        "countries",
        {"country": ("LowCardinality(String)", "''"), "region": ("LowCardinality(String)", "''")},
    ),
    "asns": Kind("asns", {"asn": ("UInt32", "0"), "network": ("LowCardinality(String)", "''")}),
}


async def load_networks(
    client: StoreClient, settings: ClickHouseSettings, kind: Kind, file: Path
) -> int:
    """Load a file and look up each hit from now on; return its networks. Raises BadNetworks."""
    table, plain = f"ip_{kind.name}", {"country": "String", "region": "String", "network": "String"}
    columns = ", ".join(
        f"{name} {plain.get(name, of)} DEFAULT {default}"
        for name, (of, default) in kind.columns.items()
    )
    await client.execute(f"DROP TABLE IF EXISTS {table}_new")
    await client.execute(
        f"CREATE TABLE {table}_new (prefix String, {columns}) ENGINE = MergeTree ORDER BY prefix"
    )
    count, rows = 0, iter(networks(kind, file))
    while batch := list(islice(rows, BATCH_ROWS)):
        data = b"".join(orjson.dumps(row) + b"\n" for row in batch)
        await client.insert(f"INSERT INTO {table}_new FORMAT JSONEachRow", data, {})
        count += len(batch)
    if not count:
        raise BadNetworks(f"{file}: has no networks")
    await client.execute(f"CREATE TABLE IF NOT EXISTS {table} AS {table}_new")
    await client.execute(f"EXCHANGE TABLES {table} AND {table}_new")
    await client.execute(f"DROP TABLE {table}_new")
    await client.execute(
        f"CREATE OR REPLACE DICTIONARY {table}_dictionary (prefix String, {columns}) "
        f"PRIMARY KEY prefix SOURCE(CLICKHOUSE(USER {literal(settings.user)} PASSWORD "
        f"{literal(settings.password.get_secret_value())} DB {literal(settings.database)} "
        f"TABLE {literal(table)})) LIFETIME(0) LAYOUT(IP_TRIE)"
    )
    await client.execute(f"SYSTEM RELOAD DICTIONARY {table}_dictionary")
    dictionary = literal(f"{settings.database}.{table}_dictionary")
    await _derive(
        client,
        kind,
        {
            name: f"dictGetOrDefault({dictionary}, '{name}', tuple(ip), {default})"
            for name, (_, default) in kind.columns.items()
        },
    )
    return count


async def forget_networks(client: StoreClient, kind: Kind) -> None:
    """Stop looking up; what hits have, they keep."""
    await _derive(client, kind, {name: default for name, (_, default) in kind.columns.items()})
    await client.execute(f"DROP DICTIONARY IF EXISTS ip_{kind.name}_dictionary")
    await client.execute(f"DROP TABLE IF EXISTS ip_{kind.name}")


async def _derive(client: StoreClient, kind: Kind, expressions: Mapping[str, str]) -> None:
    changes = (
        f"MODIFY COLUMN {name} {kind.columns[name][0]} MATERIALIZED {expression}"
        for name, expression in expressions.items()
    )
    await client.execute("ALTER TABLE hits " + ", ".join(changes))


def networks(kind: Kind, file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file: the prefix as IPv6, and the kind's columns; raises BadNetworks."""
    try:
        if file.suffix == ".mmdb":
            with maxminddb.open_database(file) as database:
                for network, record in database:
                    yield {"prefix": _mapped(network), **_members(kind, record)}
        else:
            with file.open(newline="", encoding="utf-8") as opened:
                yield from _csv_rows(kind, file, opened)
    except (OSError, maxminddb.InvalidDatabaseError, UnicodeDecodeError, csv.Error) as error:
        raise BadNetworks(f"{file}: {error}") from error


def _csv_rows(kind: Kind, file: Path, opened: Iterable[str]) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(opened)
    wanted = {"prefix", *kind.columns}
    given = set(reader.fieldnames or ())
    if "prefix" not in given or not given & set(kind.columns):
        raise BadNetworks(
            f"{file}: the first line must name the columns: {', '.join(sorted(wanted))}"
        )
    for row in reader:
        try:
            network = ipaddress.ip_network(row["prefix"].strip(), strict=False)
            members = {name: row[name] for name in kind.columns if row.get(name)}
            if "asn" in members:
                members["asn"] = int(members["asn"].upper().removeprefix("AS"))
        except (ValueError, AttributeError) as error:
            raise BadNetworks(f"{file}, line {reader.line_num}: {error}") from error
        yield {"prefix": _mapped(network), **members}


def _mapped(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """Return a prefix as hits have addresses: IPv4 is mapped into IPv6."""
    if isinstance(network, ipaddress.IPv4Network):
        return f"::ffff:{network.network_address}/{network.prefixlen + _MAPPED_BITS}"
    if network.prefixlen >= _MAPPED_BITS and int(network.network_address) >> 32 == 0:
        # MMDB files have IPv4 at ::/96.
        address = ipaddress.IPv4Address(int(network.network_address))
        return f"::ffff:{address}/{network.prefixlen}"
    return str(network)


def _members(kind: Kind, record: Any) -> dict[str, Any]:
    """Return what a record of MaxMind's, DB-IP's or IPinfo's files says."""
    if not isinstance(record, dict):
        return {}
    if kind.name == "asns":
        number = record.get("autonomous_system_number", record.get("asn", 0))
        name = record.get("autonomous_system_organization", record.get("as_name", ""))
        return {"asn": int(str(number).upper().removeprefix("AS") or 0), "network": str(name)}
    country = record.get("country", record.get("country_code", ""))
    if isinstance(country, dict):
        country = country.get("iso_code", "")
    regions = record.get("subdivisions") or [{}]
    region = regions[0].get("iso_code", "") if isinstance(regions[0], dict) else ""
    return {"country": str(country), "region": str(region or record.get("region", ""))}
