"""Parses each user agent once: finds those without a row in `user_agents`, parses, inserts.

Which there are is in `user_agents_seen`, which each insert into hits keeps. Several consumers may
do this at once: rows of one agent replace each other. Knows ua-parser, and nothing of hits.
"""

import asyncio
import re
from importlib.metadata import version

import orjson
from ua_parser import parse

from consumer.store_client import StoreClient

PAGE_AGENTS = 2_000
_BRAND = re.compile(r'"([^"]*)";v="(\d+)')
# What every Chromium says beside its own name, if it has one.
_NO_BRAND = re.compile(r"not.*brand|^chromium$|^google chrome$|^microsoft edge$", re.IGNORECASE)


def rules_version() -> str:
    """Return a name of the rules that agents are parsed with."""
    return f"ua-parser {version('ua-parser-builtins')}"


async def parse_new_agents(client: StoreClient, *, again: bool = False) -> int:
    """Parse agents that have no row, with `again` those parsed by other rules too; return how many.

    Raises SinkAway and StoreError. Safe to repeat and to break off.
    """
    count = 0
    while True:
        agents = await _page(client, rules_version() if again else "")
        if not agents:
            return count
        data = await asyncio.to_thread(_rows, agents)
        await client.insert("INSERT INTO user_agents FORMAT JSONEachRow", data, {})
        count += len(agents)


async def _page(client: StoreClient, rules: str) -> list[tuple[str, str]]:
    known = f"WHERE rules = '{rules}'" if rules else ""
    text = await client.execute(
        "SELECT DISTINCT user_agent, client_hints FROM user_agents_seen "  # noqa: S608 - a version
        "WHERE (user_agent, client_hints) NOT IN "
        f"(SELECT user_agent, client_hints FROM user_agents {known}) "
        f"LIMIT {PAGE_AGENTS} FORMAT JSONCompactEachRow"
    )
    pairs = (orjson.loads(line) for line in text.splitlines())
    return [(user_agent, client_hints) for user_agent, client_hints in pairs]


def _rows(agents: list[tuple[str, str]]) -> bytes:
    return b"".join(orjson.dumps(parsed(*agent)) + b"\n" for agent in agents)


def parsed(user_agent: str, client_hints: str) -> dict[str, str | int]:
    """Return the row of an agent: what ua-parser's rules say, then what only client hints know."""
    found = parse(user_agent)
    browser, system, device = found.user_agent, found.os, found.device
    name, major = (browser.family, browser.major or "") if browser else ("", "")
    os, os_major = (system.family, system.major or "") if system else ("", "")
    brands, _, rest = client_hints.partition(" | ")
    for brand, brand_major in _BRAND.findall(brands):
        if not _NO_BRAND.search(brand):
            name, major = brand, brand_major
    platform = rest.rpartition(" | ")[2].strip('"')
    return {
        "user_agent": user_agent,
        "client_hints": client_hints,
        "browser": name,
        "browser_major": major,
        "os": os or platform,
        "os_major": os_major,
        "device_brand": (device.brand if device else "") or "",
        "device_model": (device.model if device else "") or "",
        "is_spider": int(device is not None and device.family == "Spider"),
        "rules": rules_version(),
    }
