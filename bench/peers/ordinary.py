"""The ordinary way to write this service: an aiohttp handler that appends a dict to a file.

It does `bench.apps.job`, with one unbuffered append per hit before the answer: as Heliograph, what
is answered is kept. No rotation, no limits, no truncated addresses.
"""

import sys
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from bench.apps import job
from bench.apps.gif import GIF
from bench.peers.aiohttp_bare import serve

HITS = web.AppKey("HITS", BinaryIO)


async def pixel(request: web.Request) -> web.Response:
    """Keep the hit, then answer."""
    known = request.cookies.get(job.COOKIE_NAME)
    line, visitor = job.line(request.query, known, request.headers, request.remote)
    request.app[HITS].write(line)
    return answer(visitor)


def answer(visitor: str) -> web.Response:
    """Return the pixel with the visitor's cookie."""
    response = web.Response(body=GIF, content_type="image/gif", headers=job.ANSWER_HEADERS)
    response.set_cookie(
        job.COOKIE_NAME, visitor, max_age=job.COOKIE_SECONDS, httponly=True, samesite="Lax"
    )
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
