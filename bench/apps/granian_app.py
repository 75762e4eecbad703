"""Granian, a server in Rust, with its own interface RSGI: `bench.apps.job`, one append per hit.

No framework: the handler takes the query and the cookie apart with the standard library. One
worker with one thread of each kind, no access log. Runs in the environment of
`bench.peers.installed`, not in ours.
"""

import os
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from bench.apps import job
from bench.apps.gif import GIF

HITS = (Path(os.environ["HITS_FOLDER"]) / "hits.ndjson").open("ab", buffering=0)


async def app(scope: Any, protocol: Any) -> None:
    """Keep the hit, then answer."""
    if scope.path != "/p.gif":
        protocol.response_empty(404, [])
        return
    query = dict(parse_qsl(scope.query_string))
    remote = scope.client.rpartition(":")[0]
    line, visitor = job.line(query, _known(scope.headers.get("cookie", "")), scope.headers, remote)
    HITS.write(line)
    headers = [("content-type", "image/gif"), ("set-cookie", job.set_cookie(visitor))]
    headers += job.ANSWER_HEADERS.items()
    protocol.response_bytes(200, headers, GIF)


def _known(cookies: str) -> str | None:
    try:
        morsel = SimpleCookie(cookies).get(job.COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel else None
