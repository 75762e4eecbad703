"""A month of seeded visits that ends now, and a mailing: what the live page is shown with.

Hits are those of `visits`, moved in time and thinned out at night; the same seed gives the same
hits at the same distance from now.
"""

import random
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

from schemas.hit import rfc3339
from tests.support import visits

DAYS = 30
_HOUR_MS = 3_600_000
# Of a day's people, how many come in an hour (UTC), in parts of the busiest hour.
_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 9, 9, 10, 9, 8, 8, 7, 8, 8, 6, 5, 3)


def load(store_url: str, now_ms: int, people: int = 1500, seed: int = 1) -> int:
    """Put the hits into the store's table `hits`; return how many."""
    found = [*_moved(people, now_ms, seed), *mailing(now_ms, seed)]
    query = f"{store_url}/?query=INSERT+INTO+hits+FORMAT+JSONEachRow"
    parameters = "&date_time_input_format=best_effort&input_format_skip_unknown_fields=1"
    with urlopen(Request(query + parameters, visits.lines(found)), timeout=60):
        return len(found)


def mailing(now_ms: int, seed: int, messages: int = 240) -> list[dict[str, Any]]:
    """Return what became of a mailing to so many: sent, opened by whom, clicked."""
    source = random.Random(seed)
    found = []
    for number in range(messages):
        at_ms = now_ms - source.randrange(1, 8 * 24) * _HOUR_MS
        about = {
            "site": "shop",
            "campaign_id": source.choice(("autumn-sale", "newsletter-47")),
            "message_id": f"m-{number}",
            "recipient_id": f"r-{number}",
            "consent": "granted",
        }
        found.append(_hit(source, at_ms, {**about, "event": "Sent", "endpoint": "api"}))
        opened_by = source.choice(("human", "human", "machine", "unknown", ""))
        if opened_by:
            members = {**about, "event": "Open", "endpoint": "pixel", "opened_by": opened_by}
            found.append(_hit(source, at_ms + 600_000, members))
        if opened_by == "human" and source.random() < 0.4:
            members = {**about, "event": "Click", "endpoint": "click"}
            members["user_agent"] = visits.BROWSER
            found.append(_hit(source, at_ms + 900_000, members))
    return found


def _moved(people: int, now_ms: int, seed: int) -> list[dict[str, Any]]:
    source = random.Random(seed)
    moved_ms = now_ms - DAYS * visits.DAY_MS - visits.START_MS
    found = []
    for one in visits.hits(people, seed, DAYS):
        at = datetime.fromisoformat(one["received_at"]).timestamp() * 1000 + moved_ms
        hour = datetime.fromtimestamp(at / 1000, UTC).hour
        if at < now_ms and source.randrange(10) < _BY_HOUR[hour]:
            found.append({**one, "received_at": rfc3339(int(at))})
    return found


def _hit(source: random.Random, at_ms: int, members: dict[str, Any]) -> dict[str, Any]:
    id_ = str(uuid.UUID(int=source.getrandbits(128), version=4))
    return {"id": id_, "received_at": rfc3339(at_ms), **members}
