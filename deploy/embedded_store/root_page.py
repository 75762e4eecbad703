"""`GET /` without a query: the live page for browsers, and ClickHouse's `Ok.` for everybody else.

Knows nothing of what the page shows.
"""

import secrets

from aiohttp import web

from deploy.embedded_store.settings import StoreSettings
from deploy.live_page import policy, served_page


def answer_root(request: web.Request, settings: StoreSettings) -> web.Response:
    """Return the page if the client says that it takes HTML, else `Ok.`."""
    accept = request.headers.get("Accept", "")
    if request.path != "/" or not settings.live_page or "text/html" not in accept:
        return ok()
    nonce = secrets.token_urlsafe(18)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy(nonce, request.query.get("url", "")),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept",
    }
    text = served_page(nonce, settings.live_page_collector_url)
    return web.Response(text=text, content_type="text/html", headers=headers)


def ok() -> web.Response:
    """Return ClickHouse's answer to whoever asks whether it is there."""
    return web.Response(text="Ok.\n", content_type="text/html", charset="UTF-8")
