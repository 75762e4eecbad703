"""`POST /p`: events that a page sends with `navigator.sendBeacon` or `fetch(keepalive)`.

The body is one JSON event or a list of them, whatever its type says (`sendBeacon` sends text/plain
to spare the preflight), or one event as a form. 204 means that every event is in the journal, but
for those of sites that are not served; 503 that they are not, so the page may try again; 403 that
none is of a site that is served, or the page is of none.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from collector.desk import DESK, Desk
from collector.facts import Facts
from collector.settings import CollectorSettings
from schemas.limits import BEACON_EVENTS_MAX

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    # The longest that browsers honour: Chromium 2 hours, Firefox 24.
    "Access-Control-Max-Age": "86400",
}


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the beacon's routes."""
    app.router.add_route("POST", settings.beacon_path, _beacon)
    app.router.add_route("OPTIONS", settings.beacon_path, _preflight)


async def _preflight(request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT_HEADERS | _cors_headers(request))


async def _beacon(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    cors = _cors_headers(request)
    if not _allows_origin(request):
        desk.counters.unlisted["page"] += 1
        return _refusal(403, "no site that is served here has pages there", cors)
    try:
        async with asyncio.timeout(desk.settings.read_seconds_max):
            body = await request.read()
    except TimeoutError:
        return _refusal(408, "the body did not arrive in time", cors)
    except (web.RequestPayloadError, ConnectionError) as error:
        return _refusal(400, str(error), cors)
    except web.HTTPRequestEntityTooLarge:
        return _refusal(413, f"a body has at most {desk.settings.body_bytes_max} bytes", cors)
    try:
        lines, set_cookie = _hits(desk, desk.facts_of(request), request.content_type, body)
    except ValueError as error:
        return _refusal(400, str(error), cors)
    kept = [line for line in lines if line]
    if lines and not kept:
        return _refusal(403, "no such site is served here", cors)
    if not await desk.commit.kept(kept, "beacon"):
        return _refusal(503, "not kept, try again later", cors | {"Retry-After": "10"})
    response = web.Response(status=204, headers=cors)
    if set_cookie:
        response.headers["Set-Cookie"] = set_cookie
    return response


def _hits(desk: Desk, facts: Facts, content_type: str, body: bytes) -> tuple[list[bytes], str]:
    """Build the body's hits; return their lines and the value of Set-Cookie.

    ValueError says what is wrong with the body as a whole.
    """
    if content_type == "application/x-www-form-urlencoded":
        line, set_cookie = desk.builder.from_form(facts, body.decode(errors="replace"))
        return [line], set_cookie
    lines = []
    set_cookie = ""
    for event in _events(body):
        line, new_cookie = desk.builder.from_json(facts, event, set_cookie)
        set_cookie = set_cookie or new_cookie
        lines.append(line)
    return lines, set_cookie


def _events(body: bytes) -> list[Mapping[str, Any]]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    events = content if isinstance(content, list) else [content]
    if len(events) > BEACON_EVENTS_MAX:
        raise ValueError(f"{len(events)} events; at most {BEACON_EVENTS_MAX} at once")
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise ValueError(f"event {index} is not an object")
    return events


def _cors_headers(request: web.Request) -> dict[str, str]:
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


def _allows_origin(request: web.Request) -> bool:
    """Tell whether the page may be one of ours; the origin of a page that hides it is `null`."""
    origin = request.headers.get("Origin", "null")
    return origin == "null" or request.app[DESK].sites.allows_origin(origin)


def _refusal(status: int, reason: str, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, text=reason + "\n", headers=headers)
