"""The ordinary way to write this service: an aiohttp handler that appends a dict to a file.

Written as a careful engineer would who does not count microseconds: the framework's query, cookies
and headers, orjson, one unbuffered append per hit before the answer. It does less than Heliograph:
no consent, no truncated addresses, no rotation, no limits.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import orjson
from aiohttp import web

from bench.peers.aiohttp_bare import serve
from bench.peers.gif import GIF

HITS = web.AppKey("HITS", BinaryIO)
COOKIE_SECONDS = 31_536_000


async def pixel(request: web.Request) -> web.Response:
    """Keep the hit, then answer."""
    query = request.query
    known = request.cookies.get("hg")
    visitor = known or str(uuid4())
    hit = {
        "id": str(uuid4()),
        "received_at": datetime.now(UTC),
        "event": query.get("e", "PageView"),
        "site": query.get("site", ""),
        "url": query.get("u") or request.headers.get("Referer", ""),
        "referrer": query.get("r", ""),
        "value": query.get("v"),
        "currency": query.get("c"),
        "visitor_id": visitor,
        "ip": request.remote,
        "user_agent": request.headers.get("User-Agent", ""),
        "language": request.headers.get("Accept-Language", ""),
    }
    request.app[HITS].write(orjson.dumps(hit, option=orjson.OPT_APPEND_NEWLINE))
    headers = {"Cache-Control": "no-store"}
    response = web.Response(body=GIF, content_type="image/gif", headers=headers)
    response.set_cookie("hg", visitor, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax")
    return response


def main(port: int, folder: Path) -> None:
    """Run it, with the hits in a file in `folder`."""
    with (folder / "hits.ndjson").open("ab", buffering=0) as hits:
        application = web.Application()
        application[HITS] = hits
        application.router.add_get("/p.gif", pixel)
        serve(application, port)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
