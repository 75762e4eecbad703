"""What browsers and crawlers ask for unasked: /robots.txt and /favicon.ico."""

from aiohttp import web

from collector.settings import CollectorSettings


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the routes."""
    app.router.add_get("/robots.txt", _robots)
    app.router.add_get("/favicon.ico", _favicon)


async def _robots(request: web.Request) -> web.Response:
    return web.Response(
        text="User-agent: *\nDisallow: /\n", headers={"Cache-Control": "public, max-age=86400"}
    )


async def _favicon(request: web.Request) -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": "public, max-age=604800"})
