"""Known hits for the dashboards: seeded people, mails, machines, bad hits, clocks, letters.

The same each time, so that docs/grafana-panels.md can show what each panel answers.
"""

import random
from datetime import UTC, datetime
from typing import Any

from schemas import hit
from tests.support import visits

PEOPLE = 250
MAILS = 150
DAYS = 14
CAMPAIGNS = ("autumn", "spring")
MACHINE_REASON = "image proxy"
LETTERS = (
    ("journal-1", 17, "no id", 0),
    ("journal-1", 940, "not parsed: value", 3_600_000),
    ("journal-2", 4, "not parsed: value", 90_000_000),
)
# One of them is in hits by now.
REPLAYED = ("journal-1", 940)


def hits() -> list[dict[str, Any]]:
    """Return all hits in order of their time, each with the time it was inserted."""
    source = random.Random(6)
    found = visits.hits(PEOPLE, days=DAYS)
    for one in found:
        time_ms = millis(one["received_at"])
        if source.random() < 0.3:
            one["client_time"] = hit.rfc3339(time_ms - source.choice((0, 40, 900, 75_000)))
        if source.random() < 0.05:
            one["problems"] = [source.choice(("value: not a number", "url: too long"))]
    found += [one for number in range(MAILS) for one in _mail(source, number)]
    last_ms = max(millis(one["received_at"]) for one in found)
    found += [_last(source, last_ms + 60_000, site) for site in visits.SITES]
    for one in found:
        delay_ms = source.choice((80, 120, 150, 400, 2_500))
        one["inserted_at"] = hit.rfc3339(millis(one["received_at"]) + delay_ms)
    return sorted(found, key=lambda one: (one["received_at"], one["id"]))


def audiences(hits: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return who is in each audience of the shop, in the end."""
    known = [one for one in hits if one["site"] == "shop" and "visitor_id" in one]
    buyers = {one["visitor_id"] for one in known if one["event"] == "Purchase"}
    readers = {one["visitor_id"] for one in known if "/docs/" in one.get("url", "")}
    return {"buyers": sorted(buyers), "readers": sorted(readers)}


def _mail(source: random.Random, number: int) -> list[dict[str, Any]]:
    about = {
        "endpoint": "pixel",
        "method": "GET",
        "site": "shop",
        "campaign_id": CAMPAIGNS[number % 2],
        "message_id": f"m-{number // 2}",
        "recipient_id": f"r-{number}",
        "consent": "unknown",
        "consent_source": "none",
        "user_agent": visits.BROWSER,
    }
    time_ms = visits.START_MS + source.randrange(3 * visits.DAY_MS)
    found = [_one(source, time_ms, {**about, "event": "Sent", "endpoint": "api"})]
    if source.random() < 0.5:
        who = source.choice(("human", "machine", "unknown"))
        opened = {"event": "Open", "opened_by": who, "opened_by_reason": MACHINE_REASON}
        found.append(_one(source, time_ms + 60_000, {**about, **opened}))
        if who != "machine" and source.random() < 0.6:
            click = {"event": "Click", "endpoint": "click", "link_url": "https://shop.example/"}
            found.append(_one(source, time_ms + 90_000, {**about, **click}))
    return found


def _last(source: random.Random, time_ms: int, site: str) -> dict[str, Any]:
    """Return a hit for the last five minutes."""
    members = {
        "endpoint": "pixel",
        "method": "GET",
        "site": site,
        "event": "PageView",
        "url": f"https://www.{site}.example/",
        "visitor_id": visits._uuid(source),
        "consent": "granted",
        "consent_source": "parameter",
        "user_agent": visits.BROWSER,
    }
    return _one(source, time_ms, members)


def until_ms(hits: list[dict[str, Any]]) -> int:
    """Return the end of a range with all hits in it, a whole second as the data source takes it."""
    return (millis(hits[-1]["received_at"]) // 1000 + 1) * 1000


def _one(source: random.Random, time_ms: int, members: dict[str, Any]) -> dict[str, Any]:
    return {"id": visits._uuid(source), "received_at": hit.rfc3339(time_ms), **members}


def millis(text: str) -> int:
    """Return a time of a hit as ms since 1970."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
