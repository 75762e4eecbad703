"""`GET /start`: a page that fires real pixels at this collector and shows the snippets to copy.

The page is one document without outside requests, put together from `pages/start.*`. Its policy
(CSP) lets it run its own script and speak to this collector and the store, nothing else. Knows
nothing of hits: the page fires them as any other would.
"""

import re
import secrets
from importlib.resources import files
from string import Template
from typing import Final

from aiohttp import web

from collector.settings import CollectorSettings
from collector.snippets import script_json

_ORIGIN: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?(?=/|\?|$)")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # The hits that the page fires say whole where they come from, as pages of a site would.
    "Referrer-Policy": "no-referrer-when-downgrade",
    "X-Content-Type-Options": "nosniff",
}


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the page, unless the settings say that there is none."""
    if not settings.start_page:
        return
    page, sources = _page(settings), store_origin(settings.start_store_url)

    async def start(request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(18)
        headers = {**_HEADERS, "Content-Security-Policy": policy(nonce, sources)}
        text = page.substitute(nonce=nonce)
        return web.Response(text=text, content_type="text/html", headers=headers)

    app.router.add_get("/start", start)


def policy(nonce: str, store: str) -> str:
    """Return the Content-Security-Policy; `store` is the store's origin or empty."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        f"img-src 'self' data:; connect-src 'self' {store}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def store_origin(url: str) -> str:
    """Return the origin of the store's URL; empty if it is not one that a policy can name."""
    found = _ORIGIN.match(url)
    return found.group() if found else ""


def _page(settings: CollectorSettings) -> Template:
    """Return the page with everything in it but the nonce."""
    parts = {name: _file(f"start.{name}") for name in ("css", "js")}
    parts["settings"] = script_json(
        {
            "pixelPath": settings.pixel_path,
            "beaconPath": settings.beacon_path,
            "storeUrl": settings.start_store_url,
            "cookieName": settings.cookie_name,
            "consentDefault": settings.consent_default,
        }
    )
    escaped = {name: part.replace("$", "$$") for name, part in parts.items()}
    return Template(Template(_file("start.html")).substitute(escaped, nonce="$nonce"))


def _file(name: str) -> str:
    return files("collector").joinpath("pages", name).read_text(encoding="utf-8")
