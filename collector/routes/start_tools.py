"""What the start page asks its collector for: the snippets, and links for who has the key.

    GET  /start/snippets?origin=…&site=…
    POST /start/link {"origin", "to", "site", "days", "described"}, Authorization: Bearer KEY

Anyone may open the page, so it signs nothing for anyone: a signed link goes where its maker wants,
under the operator's name. Whoever runs Heliograph has the key, in the page's address that `run`
prints. Where a request came from proves nothing: behind a proxy of this machine all look local.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from collector.desk import DESK, Desk
from collector.links import UTM, BadLink, signed_query, tagged
from collector.mail import recipient_bytes
from collector.qr import qr_svg
from collector.secrets import Secrets
from collector.settings import CollectorSettings
from collector.snippet_kinds import Place, all_snippets

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_ORIGIN: Final = re.compile(r"https?://[^\s/?#\\@\"'<>]{1,300}")
_PAGE: Final = b"the start page"
# What the page may put into a link, besides where it leads.
_DESCRIBED: Final = (*UTM, "cid", "mid", "rid", "eid", "consent")
_DAY_SECONDS: Final = 86_400
_DAYS_MAX: Final = 3_660
_TEXT_CHARACTERS_MAX: Final = 4_096


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the routes, unless the settings say that there is no page."""
    if settings.start_page:
        app.router.add_get("/start/snippets", _snippets)
        app.router.add_post("/start/link", _link)


def start_key(secrets: Secrets) -> str:
    """Return the key that lets the page sign links."""
    return secrets.signer("start").signature(_PAGE)


async def _snippets(request: web.Request) -> web.Response:
    settings = request.app[DESK].settings
    place = Place(
        _origin(settings, request.query.get("origin", "")),
        request.query.get("site", ""),
        settings.pixel_path,
        settings.beacon_path,
        settings.tag_path,
    )
    return _json([made._asdict() for made in all_snippets(place)])


async def _link(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    try:
        wanted = _wanted(await _body(request, desk.settings))
        may_sign = desk.secrets.signer("start").is_signed(_PAGE, _bearer(request))
        return _json(_made(desk, wanted, may_sign=may_sign))
    except (BadLink, ValueError) as error:
        return _json({"error": str(error)}, 400)


def _made(desk: Desk, wanted: Mapping[str, Any], *, may_sign: bool) -> dict[str, str | None]:
    """Return the destination with its UTM parameters and, for who may sign, link and QR code."""
    to, site, described = wanted["to"], wanted["site"], dict(wanted["described"])
    made: dict[str, str | None] = {"direct": tagged(to, described), "link": None, "qr": None}
    if not may_sign:
        return made
    if described.get("rid"):
        signed = recipient_bytes(site, described["rid"])
        described["rs"] = desk.secrets.signer("recipient").signature(signed)
    days = wanted["days"]
    query = signed_query(
        to,
        desk.secrets.signer("link"),
        site=site,
        expiry_s=desk.clock_ms() // 1000 + days * _DAY_SECONDS if days else None,
        described=described,
    )
    origin = _origin(desk.settings, wanted["origin"])
    made["link"] = link = f"{origin}{desk.settings.click_path}?{query}"
    picture = qr_svg(link)
    if picture is not None:
        made["qr"] = f"data:image/svg+xml;base64,{b64encode(picture).decode()}"
    return made


def _origin(settings: CollectorSettings, given: str) -> str:
    """Return the collector's origin: of the settings, else as the browser that asks knows it."""
    return settings.public_url or (given if _ORIGIN.fullmatch(given) else "")


async def _body(request: web.Request, settings: CollectorSettings) -> Any:
    try:
        async with asyncio.timeout(settings.read_seconds_max):
            body = await request.read()
        return orjson.loads(body)
    except TimeoutError as error:
        raise ValueError("the body did not arrive in time") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise ValueError(f"the body did not arrive whole: {error}") from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from error


def _wanted(body: Any) -> Mapping[str, Any]:
    """Return the body with every member there and of its type."""
    if not isinstance(body, dict) or not isinstance(body.get("described", {}), dict):
        raise ValueError("the body is not an object")
    described = body.get("described", {})
    texts = {name: body.get(name, "") for name in ("origin", "to", "site")}
    chosen = {name: described[name] for name in _DESCRIBED if described.get(name)}
    for name, value in (texts | chosen).items():
        if not isinstance(value, str) or len(value) > _TEXT_CHARACTERS_MAX:
            raise ValueError(f"{name} is not a text of that length")
    days = body.get("days", 0)
    if not isinstance(days, int) or not 0 <= days <= _DAYS_MAX:
        raise ValueError(f"days is not a number from 0 to {_DAYS_MAX}")
    return {**texts, "described": chosen, "days": days}


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(value),
        content_type="application/json",
        headers=_HEADERS,
    )
