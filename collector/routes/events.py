"""`POST /v1/events`: events that a site's server sends, with a key, for the visitors it serves.

The body is a JSON list of events (or one), gzipped or not, with the parameters of the pixel and
what the request of a browser would have said of the visitor (`MEMBERS`). Each event is taken whole
or rejected with the reason; 200 means that those accepted are in the journal, 503 that none is.

The same consent decides as everywhere. Of the caller's own request nothing is kept: it is no
visitor's. A plain email or phone number is hashed here and goes no further, into no reason either.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

import orjson
from aiohttp import web

from collector.api_keys import ApiKey
from collector.build_hit import EVENT_DEFAULT
from collector.contacts import email_hash, phone_hash
from collector.desk import DESK, Desk
from collector.facts import Kept
from collector.identity import is_visitor_id
from collector.parameters import Members, take_json
from collector.problem_json import Problem, answering_problems
from collector.settings import CollectorSettings
from schemas.limits import API_EVENTS_MAX

PATH: Final = "/v1/events"
AHEAD_MS_MAX: Final = 5 * 60 * 1000
# What an event may say beside the pixel's parameters.
MEMBERS: Final[Mapping[str, str]] = {
    "ip": "The visitor's address, IPv4 or IPv6; kept as consent allows.",
    "user_agent": "The visitor's `User-Agent`.",
    "language": "The visitor's `Accept-Language`.",
    "gpc": "The visitor's `Sec-GPC`: `1` is a refusal.",
    "visitor_id": "The visitor as the caller knows it, a UUID; only with consent.",
    "em": "Email address, or its SHA-256 in hex: only the hash is kept, and only with consent.",
    "ph": "Phone number with `+` and country code, or its SHA-256 in hex; as `em`.",
}
_HEADERS: Final = {"user_agent": b"user-agent", "language": b"accept-language", "gpc": b"sec-gpc"}
_HASHED: Final[Mapping[str, tuple[str, Callable[[str], str | None], str]]] = {
    "em": ("email_hash", email_hash, "no email address and no SHA-256 in hex"),
    "ph": ("phone_hash", phone_hash, "no phone number with a country code and no SHA-256 in hex"),
}


class _Rejected(ValueError):
    """An event can't be taken; the message names the member and has no value of it."""


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the route."""
    app.router.add_post(PATH, answering_problems(_events))


async def _events(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    key = desk.door.admit(request, "events")
    if desk.sites.refuses and desk.sites.problem(key.site, ""):
        raise Problem(403, f"site {key.site} of key {key.name} is not served here")
    events = _parsed(await _body(request, desk.settings))
    desk.door.spend(key, len(events))
    lines, rejected = [], []
    for index, event in enumerate(events):
        try:
            lines.append(_hit(desk, key, event))
        except _Rejected as reason:
            rejected.append({"index": index, "reason": str(reason)})
    if not await desk.commit.kept(lines, "api"):
        raise Problem(503, "not kept: send all of it again later", {"Retry-After": "10"})
    content = {"accepted": len(lines), "rejected": rejected}
    return web.Response(body=orjson.dumps(content), content_type="application/json")


async def _body(request: web.Request, settings: CollectorSettings) -> bytes:
    """Return the body, inflated; neither form may be larger than the setting."""
    if request.content_type != "application/json":
        raise Problem(415, "the body is JSON: Content-Type: application/json")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, "a body may be gzipped; no other encoding is taken")
    bytes_max = settings.api_body_bytes_max
    body = bytearray()
    try:
        async with asyncio.timeout(settings.read_seconds_max):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError as error:
        raise Problem(408, "the body did not arrive in time") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Problem(400, f"the body can't be read: {error}") from error
    return _inflated(body, bytes_max) if encoding == "gzip" else bytes(body)


def _inflated(body: bytes | bytearray, bytes_max: int) -> bytes:
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        inflated = inflate.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise Problem(400, "the body is not gzip, as its Content-Encoding says") from error
    if len(inflated) > bytes_max:
        raise _too_large(bytes_max)
    if not inflate.eof or inflate.unused_data:
        raise Problem(400, "the body is not one whole gzip member")
    return inflated


def _too_large(bytes_max: int) -> Problem:
    return Problem(413, f"a body has at most {bytes_max} bytes, also inflated")


def _parsed(body: bytes) -> list[Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    events = content if isinstance(content, list) else [content]
    if not all(isinstance(event, dict) for event in events):
        raise Problem(422, "the body is a list of events, each of them an object")
    if not 1 <= len(events) <= API_EVENTS_MAX:
        raise Problem(422, f"{len(events)} events; 1 to {API_EVENTS_MAX} at once")
    return events


def _hit(desk: Desk, key: ApiKey, event: Mapping[str, Any]) -> bytes:
    """Return the line of one event; raises _Rejected."""
    members: Members = {"event": EVENT_DEFAULT, "api_key": key.name}
    take_json(members, event)
    if "problems" in members:
        raise _Rejected("; ".join(members["problems"]))
    if members.setdefault("site", key.site) != key.site:
        raise _Rejected("site: the key is of another")
    if "client_time" in members:
        _check_time(desk, int(str(event["ts"]).partition(".")[0]))
    texts = {name: _text(name, event[name]) for name in MEMBERS if event.get(name) is not None}
    for name, (member, hashed, problem) in _HASHED.items():
        if text := texts.get(name):
            if (digest := hashed(text)) is None:
                raise _Rejected(f"{name}: {problem}")
            members[member] = digest
    if visitor_id := texts.get("visitor_id", "").lower():
        if not is_visitor_id(visitor_id):
            raise _Rejected("visitor_id: not a UUID")
        members |= {"visitor_id": visitor_id, "visitor_kind": "client"}
    kept: Kept = {
        header: texts[name].encode() for name, header in _HEADERS.items() if name in texts
    }
    return desk.builder.from_api(desk.facts.read(kept, _address(texts.get("ip", ""))), members)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool | dict | list) or not isinstance(value, str | int):
        raise _Rejected(f"{name}: not a text")
    # A lone surrogate is legal in JSON but has no UTF-8.
    return str(value).encode(errors="replace").decode()


def _address(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise _Rejected("ip: not an IPv4 or IPv6 address") from error


def _check_time(desk: Desk, time_ms: int) -> None:
    age_ms = desk.clock_ms() - time_ms
    if age_ms < -AHEAD_MS_MAX:
        raise _Rejected("ts: more than 5 minutes ahead of the collector's clock")
    if age_ms > desk.settings.api_age_hours_max * 3_600_000:
        raise _Rejected(f"ts: more than {desk.settings.api_age_hours_max} hours ago")
