"""How long rows are kept: the TTL of each table whose rows age, by the settings and the sites.

A hit is kept as long as its site says, or else the setting. A refused line names no site that could
be trusted, so letters are kept as long as the shortest of all. Pure but for `sites_days`.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.reread_file import read_text
from schemas.site_file import BadSiteFile, parse_site_file

log = logging.getLogger(__name__)

# Tables whose rows are deleted after the retention, and the column that says their age.
AGING: Final[Mapping[str, str]] = {
    "hits": "received_at",
    "dead_letters": "inserted_at",
    # Later than the letter's own time, so a letter never outlives the note that it is in hits.
    "dead_letter_replays": "replayed_at",
}


def sites_days(path: Path | None) -> Mapping[str, int] | None:
    """Return the days of each site that has its own; None, and a word in the log, if it is broken.

    The tables then keep the retention they have.
    """
    try:
        return read_sites_days(path)
    except BadSiteFile as error:
        log.error("retention stays as it is (clickhouse.sites_file): %s", error)
        return None


def read_sites_days(path: Path | None) -> Mapping[str, int]:
    """Return the days of each site that has its own; raises BadSiteFile."""
    if path is None:
        return {}
    entries = parse_site_file(read_text(path, BadSiteFile), str(path))
    return {
        entry.key: entry.retention_days for entry in entries if entry.retention_days is not None
    }


def ttl(table: str, days: int, of_sites: Mapping[str, int]) -> str:
    """Return a table's TTL as ClickHouse prints it; empty if its rows are kept for ever."""
    time = f"toDateTime({AGING[table]})"
    if table != "hits" or not of_sites:
        shortest = min((each for each in (days, *of_sites.values()) if each), default=0)
        return f"{time} + toIntervalDay({shortest})" if shortest else ""
    # A site's key has no character that SQL would need escaped (`schemas.site_file`).
    keys = ", ".join(f"'{key}'" for key in of_sites)
    each = ", ".join(map(str, of_sites.values()))
    own = f"{time} + toIntervalDay(transform(site, [{keys}], [{each}], {days}))"
    return own if days else f"{own} WHERE site IN ({keys})"
