"""`/optout` and `/optin`: pages on which a person says no to being tracked, or takes it back.

A GET does it, so that a link is enough; a browser that only asks ahead, an image, a frame and a
HEAD do nothing, and get the page with its button. To opt in, the person must have acted: another's
page can't do it for them. The page says what holds and what is stored. It has no script, and its
policy (CSP) allows none.
"""

import secrets
from importlib.resources import files
from string import Template
from typing import Final

from aiohttp import web

from collector.desk import DESK, Desk
from collector.facts import KEPT, asks_ahead
from collector.settings import CollectorSettings

OPT_OUT, OPT_IN = "/optout", "/optin"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_OUT: Final = {
    "title": "You are not tracked",
    "state": "You have opted out. This browser keeps one cookie that says so, and nothing that "
    "tells you from others.",
    "path": OPT_IN,
    "button": "Opt in again",
}
_IN: Final = {
    "title": "You may be tracked",
    "state": "You have not opted out. What is stored depends on what you allowed the site.",
    "path": OPT_OUT,
    "button": "Opt out",
}
_GPC: Final = "Your browser sends Global Privacy Control, which counts as a refusal in any case."


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add both pages."""
    page = Template(files("collector").joinpath("pages", "optout.html").read_text(encoding="utf-8"))

    async def answer(request: web.Request) -> web.Response:
        return _answer(request, page)

    for path in (OPT_OUT, OPT_IN):
        for method in ("GET", "HEAD", "POST"):
            app.router.add_route(method, path, answer)


def _answer(request: web.Request, page: Template) -> web.Response:
    desk = request.app[DESK]
    wants_in = request.path == OPT_IN
    decision = desk.facts_of(request).decision
    is_out = decision is not None and decision.source == "optout"
    is_meant = _is_meant(request, wants_in=wants_in)
    if is_meant:
        is_out = not wants_in
    nonce = secrets.token_urlsafe(18)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    texts = _OUT if is_out else _IN
    site = request.query.get("site", "")
    gpc = _GPC if decision is not None and decision.source == "gpc" else ""
    response = web.Response(
        text=page.substitute(texts, nonce=nonce, query=_query(desk, site), gpc=gpc),
        content_type="text/html",
        headers={**_HEADERS, "Content-Security-Policy": policy},
    )
    if is_meant:
        _set_cookies(response, desk, site, is_out=is_out)
    return response


def _query(desk: Desk, site: str) -> str:
    """Return the query that keeps the site, if it is one that we know."""
    return f"?site={site}" if desk.sites.get(site) else ""


def _set_cookies(response: web.Response, desk: Desk, site: str, *, is_out: bool) -> None:
    domain = desk.sites.of(site).cookie_domain
    if is_out:
        response.headers.add("Set-Cookie", desk.cookie.set_optout(domain))
        response.headers.add("Set-Cookie", desk.cookie.delete_cookie(domain))
    else:
        response.headers.add("Set-Cookie", desk.cookie.delete_optout(domain))


def _is_meant(request: web.Request, *, wants_in: bool) -> bool:
    """Tell whether a person asks, by what browsers say of a request (Fetch metadata).

    Browsers that say nothing are believed: they are from before 2023.
    """
    headers = request.headers
    kept = {name.lower(): value for name, value in request.raw_headers if name.lower() in KEPT}
    if request.method == "HEAD" or asks_ahead(kept):
        return False
    if headers.get("Sec-Fetch-Dest", "document") != "document":
        return False
    if not wants_in or "Sec-Fetch-Site" not in headers:
        return True
    if request.method == "POST":
        return headers["Sec-Fetch-Site"] == "same-origin"
    return headers.get("Sec-Fetch-User") == "?1"
