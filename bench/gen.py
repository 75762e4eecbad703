"""Realistic hits by the million, about 600 bytes each, as lines of a journal.

They look like a shop network's traffic: few large and many small sites, some pages seen again and
again and many seen once, one hit in twenty without consent, few with something wrong. Bodies come
from a pool and each line gets its own id and time, so a million take seconds; the same seed gives
the same lines. The format is `schemas.hit`'s; nothing here states it again.
"""

import random
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from bench.traffic import browser_agent
from schemas import hit

POOL = 20_000
START_MS = 1_790_000_000_000
HITS_PER_SECOND = 20_000

_SITES = 300
_EVENTS = ("PageView", "Search", "AddToCart", "Purchase", "Lead", "Open")
_EVENT_WEIGHTS = (80, 8, 6, 2, 1, 3)
_WORDS = ("running", "trail", "rain", "jacket", "summer", "sale", "guide", "light", "alpine", "pro")
_REFERRERS = ("https://www.google.com/", "https://www.bing.com/", "https://t.example/", "")
_LANGUAGES = ("en-US", "de-DE", "pt-BR", "fr-FR", "ja-JP", "en-GB")


def lines(count: int, seed: int = 1, start_ms: int = START_MS) -> Iterator[bytes]:
    """Yield `count` lines, newline included, in order of their time, from `start_ms` on.

    A store that deletes old hits keeps these only if `start_ms` is recent.
    """
    source = random.Random(seed)
    bodies = [_body(source) for _ in range(min(count, POOL))]
    pick = partial(source.randrange, len(bodies))
    for number in range(count):
        time_ms = start_ms + number * 1_000 // HITS_PER_SECOND
        body = bodies[pick()]
        head = hit.head_after_id(hit.rfc3339(time_ms), body.endpoint, body.method)
        yield hit.encode(f'{{"id":"{_uuid7(source, time_ms)}{head}', body.members, body.tail)


class _Body(NamedTuple):
    """A hit without id and time."""

    endpoint: str
    method: str
    members: dict[str, Any]
    tail: bytes


def _body(source: random.Random) -> _Body:
    event = source.choices(_EVENTS, _EVENT_WEIGHTS)[0]
    site = min(int(source.paretovariate(0.7)), _SITES)
    page = (
        f"https://www.shop-{site}.example/{_slug(source)}/{int(source.paretovariate(0.5)) % 10**7}"
    )
    denied = source.random() < 0.05
    beacon = source.random() < 0.1
    members: dict[str, Any] = {
        "url": f"{page}?utm_source=newsletter&utm_medium=email&utm_campaign={_slug(source)}",
        "referrer": source.choice(_REFERRERS) or f"https://www.shop-{site}.example/",
        "ip": f"{source.randrange(1, 224)}.{source.randrange(256)}.{source.randrange(256)}.0",
        "user_agent": browser_agent(source),
        "language": source.choice(_LANGUAGES),
        "consent": "denied" if denied else "granted",
        "consent_source": "gpc" if denied else "default",
    }
    if not denied:
        members["visitor_id"] = str(uuid.UUID(int=source.getrandbits(128), version=4))
    if event == "Purchase":
        members |= {"value": source.randrange(100, 50_000) / 100, "currency": "EUR"}
    if source.random() < 0.3:
        members["properties"] = {"variant": source.choice("ab"), "list": _slug(source)}
    if source.random() < 0.01:
        members["problems"] = ["value: not a number"]
    endpoint, method = ("beacon", "POST") if beacon else ("pixel", "GET")
    head = {"site": f"shop-{site}", "event": event}
    return _Body(endpoint, method, head, hit.encode_tail(members))


def _slug(source: random.Random) -> str:
    return "-".join(source.choices(_WORDS, k=source.randrange(2, 5)))


def _uuid7(source: random.Random, time_ms: int) -> str:
    """Return a UUID of version 7 (RFC 9562): the time, then random bits."""
    digits = f"{time_ms:012x}7{source.getrandbits(12):03x}8{source.getrandbits(60):015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
