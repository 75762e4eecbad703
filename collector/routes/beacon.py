"""`POST /p`: events that a page sends with `navigator.sendBeacon` or `fetch(keepalive)`.

The body is one JSON event or a list of them, whatever its type says (`sendBeacon` sends text/plain
to spare the preflight), or one event as a form. 204 means that every event is in the journal, but
for those of sites that are not served; 503 that they are not, so the page may try again; 403 that
none is of a site that is served, or the page is of none.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from collector.desk import DESK, Desk
from collector.facts import Facts
from collector.routes.cross_origin import Refused, body_of, cors_headers, preflight
from collector.settings import CollectorSettings
from schemas.limits import BEACON_EVENTS_MAX


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the beacon's routes."""
    app.router.add_route("POST", settings.beacon_path, _beacon)
    app.router.add_route("OPTIONS", settings.beacon_path, preflight)


async def _beacon(request: web.Request) -> web.Response:
    cors = cors_headers(request)
    try:
        set_cookie = await _keep(request)
    except Refused as refused:
        return refused.answer(cors)
    response = web.Response(status=204, headers=cors)
    if set_cookie:
        response.headers["Set-Cookie"] = set_cookie
    return response


async def _keep(request: web.Request) -> str:
    """Keep the body's hits; return the value of Set-Cookie. Raises Refused."""
    desk = request.app[DESK]
    body = await body_of(request)
    try:
        lines, set_cookie = _hits(desk, desk.facts_of(request), request.content_type, body)
    except ValueError as error:
        raise Refused(400, str(error)) from error
    kept = [line for line in lines if line]
    if lines and not kept:
        raise Refused(403, "no such site is served here")
    if not await desk.commit.kept(kept, "beacon"):
        raise Refused(503, "not kept, try again later")
    return set_cookie


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
