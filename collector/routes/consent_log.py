"""`POST /v1/consent`: what a visitor chose, recorded as a hit, so that it can be proved.

The body is one JSON object: `consent`, the `version` and the `text` of what was asked, and if
wanted `site`, `u`, `uid`, `eid`, `ts` and consent strings, as everywhere. The answer is the
receipt: the record's id, when it was received, and the level that holds, which is not what was
said if a header says no. The record is kept when the answer leaves. A visitor who did not consent
is not named in it, and its cookie is deleted.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from aiohttp import web

from collector.consent import PARAMETERS
from collector.consent_words import GRANTED
from collector.desk import DESK
from collector.routes.cross_origin import Refused, body_of, cors_headers, preflight
from collector.settings import CollectorSettings

PATH: Final = "/v1/consent"
EVENT: Final = "Consent"
_TAKEN: Final = (*PARAMETERS, "site", "u", "r", "uid", "eid", "ts")
_TEXTS: Final = ("version", "text")
_RECEIPT: Final = ("id", "received_at", "consent", "consent_source")


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the route."""
    app.router.add_route("POST", PATH, _record)
    app.router.add_route("OPTIONS", PATH, preflight)


async def _record(request: web.Request) -> web.Response:
    headers = cors_headers(request) | {"Cache-Control": "no-store"}
    desk = request.app[DESK]
    try:
        choice = _choice(await body_of(request))
        facts = desk.facts_of(request)
        line, set_cookie = desk.builder.from_json(facts, _event(choice), "")
        if not line:
            raise Refused(403, "no such site is served here")
        if not await desk.commit.kept([line], "beacon"):
            raise Refused(503, "not kept, try again later")
    except Refused as refused:
        return refused.answer(headers)
    hit = orjson.loads(line)
    if hit["consent"] != GRANTED and facts.visit is not None:
        domain = desk.sites.of(str(choice.get("site", ""))).cookie_domain
        set_cookie = desk.cookie.delete_cookie(domain)
    if set_cookie:
        headers["Set-Cookie"] = set_cookie
    receipt = {name: hit[name] for name in _RECEIPT}
    return web.Response(
        body=orjson.dumps(receipt), content_type="application/json", headers=headers
    )


def _choice(body: bytes) -> Mapping[str, Any]:
    """Return the body's object; raises Refused."""
    try:
        choice = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from error
    if not isinstance(choice, dict):
        raise Refused(400, "the body is not an object")
    if not any(choice.get(name) for name in PARAMETERS):
        raise Refused(400, f"nothing of what was chosen: one of {', '.join(PARAMETERS)}")
    for name in _TEXTS:
        if not isinstance(choice.get(name, ""), str):
            raise Refused(400, f"{name}: not a text")
    return choice


def _event(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choice as an event; its proof are the properties."""
    proof = {name: choice[name] for name in _TEXTS if choice.get(name)}
    if "text" in proof:
        text = proof["text"].encode(errors="replace")
        proof["text_sha256"] = sha256(text).hexdigest()
    if choice.get("consent"):
        proof["said"] = choice["consent"]
    return {"e": EVENT, "p": proof} | {name: choice[name] for name in _TAKEN if name in choice}
