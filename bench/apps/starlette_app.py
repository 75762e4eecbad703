"""Starlette on uvicorn, with uvloop and httptools: `bench.apps.job`, one append per hit.

As `ordinary`, in the other common framework; one worker, no access log. Runs in the environment of
`bench.peers.installed`, not in ours.
"""

import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette  # type: ignore[import-not-found]
from starlette.responses import Response  # type: ignore[import-not-found]
from starlette.routing import Route  # type: ignore[import-not-found]

from bench.apps import job
from bench.apps.gif import GIF

HITS = (Path(os.environ["HITS_FOLDER"]) / "hits.ndjson").open("ab", buffering=0)


async def pixel(request: Any) -> Any:
    """Keep the hit, then answer."""
    known = request.cookies.get(job.COOKIE_NAME)
    query, headers = request.query_params, request.headers
    line, visitor = job.line(query, known, headers, request.client.host)
    HITS.write(line)
    response = Response(GIF, media_type="image/gif", headers=job.ANSWER_HEADERS)
    response.set_cookie(
        job.COOKIE_NAME, visitor, max_age=job.COOKIE_SECONDS, httponly=True, samesite="lax"
    )
    return response


app = Starlette(routes=[Route("/p.gif", pixel)])
