"""What routes that pages POST to have in common: who may read the answer, the body, refusals."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from collector.desk import DESK

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, SP-Anonymous",
    # The longest that browsers honour: Chromium 2 hours, Firefox 24.
    "Access-Control-Max-Age": "86400",
}


class Refused(Exception):
    """A request that is not taken, and why: the status and the reason of its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def answer(self, headers: Mapping[str, str]) -> web.Response:
        """Return the answer; one that may be tried again says when."""
        retry = {"Retry-After": "10"} if self.status == 503 else {}
        return web.Response(status=self.status, text=f"{self}\n", headers={**headers, **retry})


async def preflight(request: web.Request) -> web.Response:
    """Answer a browser that asks whether a page may POST."""
    return web.Response(status=204, headers=_PREFLIGHT_HEADERS | cors_headers(request))


def cors_headers(request: web.Request) -> dict[str, str]:
    """Let the page that asks read the answer, cookies included (Fetch standard, section 3.3)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return {}
    if not _allows_origin(request):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


async def body_of(request: web.Request) -> bytes:
    """Return the body of a page that may post; raises Refused."""
    desk = request.app[DESK]
    if not _allows_origin(request):
        desk.counters.unlisted["page"] += 1
        raise Refused(403, "no site that is served here has pages there")
    try:
        async with asyncio.timeout(desk.settings.read_seconds_max):
            return await request.read()
    except TimeoutError:
        raise Refused(408, "the body did not arrive in time") from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Refused(400, str(error)) from error
    except web.HTTPRequestEntityTooLarge as error:
        reason = f"a body has at most {desk.settings.body_bytes_max} bytes"
        raise Refused(413, reason) from error


def _allows_origin(request: web.Request) -> bool:
    """Tell whether the page may be one of ours; the origin of a page that hides it is `null`."""
    origin = request.headers.get("Origin", "null")
    return origin == "null" or request.app[DESK].sites.allows_origin(origin)
