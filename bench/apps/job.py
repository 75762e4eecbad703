"""The job that peers in Python share: a request becomes a line of JSON with a visitor's id.

Written as a careful engineer would who does not count microseconds. It is less than Heliograph's:
no consent, no limits, no problems, addresses whole, ids of version 4. What a framework makes of
query, cookies and headers is the framework's; so each peer pays for its own parsing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import orjson

COOKIE_NAME = "hg"
COOKIE_SECONDS = 31_536_000
ANSWER_HEADERS = {"Cache-Control": "no-store"}


def line(
    query: Mapping[str, str], known: str | None, headers: Mapping[str, str], remote: str | None
) -> tuple[bytes, str]:
    """Return the hit as a line, and the visitor's id for the cookie: `known`, or a new one."""
    visitor = known or str(uuid4())
    hit = {
        "id": str(uuid4()),
        "received_at": datetime.now(UTC),
        "event": query.get("e", "PageView"),
        "site": query.get("site", ""),
        "url": query.get("u") or headers.get("referer", ""),
        "referrer": query.get("r", ""),
        "value": query.get("v"),
        "currency": query.get("c"),
        "visitor_id": visitor,
        "ip": remote,
        "user_agent": headers.get("user-agent", ""),
        "language": headers.get("accept-language", ""),
    }
    return orjson.dumps(hit, option=orjson.OPT_APPEND_NEWLINE), visitor


def set_cookie(visitor: str) -> str:
    """Return the value of the `Set-Cookie` header, for peers whose framework has no cookies."""
    return f"{COOKIE_NAME}={visitor}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; SameSite=Lax"
