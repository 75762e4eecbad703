"""Seeded people who visit, come back and convert, as hits; the same seed gives the same hits.

What the reports must tell apart is in it: visits with and without a session id, referrers, tags and
click ids, direct returns, conversions that browser and server both report, late copies, bots,
prefetches, people without consent.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from schemas import hit

START_MS = 1_790_000_000_000  # 2026-09-21T13:33:20Z, a Monday
DAY_MS = 86_400_000
SITES = ("shop", "blog")
PATHS = ("/", "/pricing", "/docs/start", "/docs/api", "/checkout")
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/133.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
)
ENTRIES = (
    ("", "https://www.google.com/"),
    ("?utm_source=news&utm_medium=email&utm_campaign=spring", ""),
    ("?gclid=g-{n}", "https://www.google.de/"),
    ("?fbclid=f-{n}", "https://l.facebook.com/"),
    ("?utm_source=facebook&utm_medium=paid_social&utm_campaign=Autumn+Sale&utm_content=a", ""),
    ("", "https://partner.example/list"),
    ("", ""),
    ("", ""),
)


def lines(hits: Sequence[dict[str, Any]]) -> bytes:
    """Return hits as the journal has them."""
    return b"".join(orjson.dumps(one) + b"\n" for one in hits)


def hits(people: int, seed: int = 1, days: int = 60) -> list[dict[str, Any]]:
    """Return the hits of so many people, in order of their time."""
    source = random.Random(seed)
    found = [one for number in range(people) for one in _person(source, number, days)]
    return sorted(found, key=lambda one: (one["received_at"], one["id"]))


def _person(source: random.Random, number: int, days: int) -> Iterator[dict[str, Any]]:
    consent = source.random() > 0.1
    about: dict[str, Any] = {
        "endpoint": "pixel",
        "method": "GET",
        "site": source.choice(SITES),
        "user_agent": source.choice((BROWSER, BROWSER, PHONE)),
        "consent": "granted" if consent else "denied",
        "consent_source": "parameter",
    }
    if consent:
        about["visitor_id"] = _uuid(source)
        if source.random() < 0.4:
            about["user_id"] = f"u-{number}"
    elif source.random() < 0.3:
        about["bot"] = "crawler"
    elif source.random() < 0.2:
        about["purpose"] = "prefetch"
    with_session = consent and source.random() < 0.6
    time_ms = START_MS + source.randrange(days * DAY_MS)
    for _ in range(source.choice((1, 1, 2, 3, 5))):
        yield from _visit(source, about, with_session, time_ms)
        time_ms += source.randrange(31 * 60_000, 15 * DAY_MS)


def _visit(
    source: random.Random, about: dict[str, Any], with_session: bool, time_ms: int
) -> Iterator[dict[str, Any]]:
    query, referrer = source.choice(ENTRIES)
    host = f"https://www.{about['site']}.example"
    session = {"session_id": _uuid(source)} if with_session else {}
    for page in range(source.choice((1, 1, 2, 3, 4, 6))):
        path = source.choice(PATHS)
        url = host + path + (query.format(n=source.randrange(10**6)) if page == 0 else "")
        members = {**about, **session, "event": "PageView", "url": url, "referrer": referrer}
        yield _hit(source, time_ms, members)
        referrer = host + path
        time_ms += source.randrange(1_000, 29 * 60_000)
    if source.random() < 0.35:
        yield from _conversion(source, {**about, **session}, host, time_ms)


def _conversion(
    source: random.Random, about: dict[str, Any], host: str, time_ms: int
) -> Iterator[dict[str, Any]]:
    event = source.choice(("Purchase", "Lead"))
    members: dict[str, Any] = {
        "event": event,
        "url": f"{host}/thanks",
        "referrer": f"{host}/checkout",
    }
    if event == "Purchase":
        members |= {"value": source.randrange(100, 9_900) / 100, "currency": "EUR"}
    if source.random() < 0.8:
        members["event_id"] = f"o-{source.randrange(10**9)}"
    who = source.choice(("browser", "server", "both", "late"))
    if who != "server" or "user_id" not in about:
        yield _hit(source, time_ms, {**about, **members})
    if who != "browser" and "user_id" in about and "event_id" in members:
        api = {
            key: value for key, value in about.items() if key not in ("visitor_id", "session_id")
        }
        delay_ms = source.randrange(1, 30) * 3_600_000 if who != "late" else 50 * 3_600_000
        api |= {"endpoint": "api", "method": "POST", "user_agent": "shop-backend/1.0"}
        members = {key: value for key, value in members.items() if key not in ("url", "referrer")}
        yield _hit(source, time_ms + delay_ms, {**api, **members})


def _hit(source: random.Random, time_ms: int, members: dict[str, Any]) -> dict[str, Any]:
    return {"id": _uuid(source), "received_at": hit.rfc3339(time_ms), **members}


def _uuid(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
