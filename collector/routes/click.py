"""`GET /r`: a link that is followed. The click is written down, then the person goes on.

Nobody is sent where no link of ours leads: `collector.links` judges. People reach the destination
even if the journal can't keep the click: it is counted as lost. A link that is not whole gets a
page that people can read, and no way on.
"""

from importlib.resources import files
from string import Template
from typing import Final

import orjson
from aiohttp import web

from collector.desk import DESK, Desk
from collector.links import BadLink, Link, Reason, parse_link
from collector.settings import CollectorSettings
from collector.sites import Site

_HEADERS: Final = {
    # Each click is to be seen, and a visitor's id in a destination is nobody else's.
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_HEADERS: Final = _HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
# What people are told; who made the link finds the reason in the metric.
_BROKEN: Final = {
    "text": "This link is not whole, so nobody can tell where it should lead.",
    "advice": "If it came in a message, the message may have cut or changed it: try to copy the "
    "whole address, or ask whoever sent it.",
}
_EXPIRED: Final = {
    "text": "This link has ended: it was made for a limited time.",
    "advice": "Ask whoever sent it for a new one.",
}


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the route of links."""
    followed = _Followed(app[DESK])
    app.router.add_route("GET", settings.click_path, followed.answer)
    app.router.add_route("HEAD", settings.click_path, followed.answer)


class _Followed:
    """Answers requests for links."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._signer = desk.secrets.signer("link")
        # What the settings allow without a signature, whatever the site.
        self._anywhere = Site("", "denied", "", link_domains=tuple(desk.settings.link_domains))
        page = files("collector").joinpath("pages", "link.html")
        self._page = Template(page.read_text(encoding="utf-8"))

    async def answer(self, request: web.Request) -> web.Response:
        """Send a person on, or say that the link leads nowhere."""
        try:
            link = parse_link(_query(request))
            is_signed = self._check(link)
        except BadLink as error:
            return self._refuse(error.reason)
        return await self._go_on(request, link, is_signed)

    def _check(self, link: Link) -> bool:
        """Tell whether the link is signed; if not, its domain must be allowed. Raises BadLink."""
        host = link.destination.host
        is_signed = link.is_signed(self._signer)
        if not (
            is_signed
            or self._anywhere.allows_link(host)
            or self._desk.sites.of(link.site).allows_link(host)
        ):
            raise BadLink("signature", "not signed, and its domain is not among those allowed")
        if link.is_expired(self._desk.clock_ms() // 1000):
            raise BadLink("expired", "past its end")
        return is_signed

    def _refuse(self, reason: Reason) -> web.Response:
        self._desk.counters.links_refused[reason] += 1
        is_over = reason == "expired"
        return web.Response(
            status=410 if is_over else 400,
            text=self._page.substitute(_EXPIRED if is_over else _BROKEN),
            content_type="text/html",
            headers=_PAGE_HEADERS,
        )

    async def _go_on(self, request: web.Request, link: Link, is_signed: bool) -> web.Response:
        desk = self._desk
        destination = link.destination
        line, set_cookie = desk.builder.from_click(
            desk.facts_of(request), link.described, destination.url, request.method
        )
        await desk.commit.kept([line] if line else [], "click")
        # Whoever may write links without us is told no visitor's id.
        told = _cookie_visitor(line) if line and is_signed and destination.wants_visitor else ""
        response = web.Response(
            status=302, headers=_HEADERS | {"Location": destination.with_visitor(told)}
        )
        if set_cookie:
            response.headers["Set-Cookie"] = set_cookie
        return response


def _query(request: web.Request) -> str:
    query = request.raw_path.partition("#")[0].partition("?")[2]
    # aiohttp keeps bytes that are not UTF-8 as lone surrogates.
    return query.encode(errors="surrogateescape").decode(errors="replace")


def _cookie_visitor(line: bytes) -> str:
    """Return the visitor's id if it may be told: consent kept it, and it is that of the cookie."""
    hit: dict[str, str] = orjson.loads(line)
    return hit.get("visitor_id", "") if hit.get("visitor_kind", "cookie") == "cookie" else ""
