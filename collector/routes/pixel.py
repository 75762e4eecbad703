"""The pixel, for requests that the lane does not understand: other forms of the same request."""

from aiohttp import web

from collector.desk import DESK
from collector.responses import GIF, PIXEL_HEADERS
from collector.settings import CollectorSettings


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the pixel's route."""
    app.router.add_route("GET", settings.pixel_path, _pixel)
    app.router.add_route("HEAD", settings.pixel_path, _pixel)


async def _pixel(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    target = request.raw_path.partition("#")[0]
    query = target.partition("?")[2]
    if not query.isascii():
        # aiohttp keeps bytes that are not UTF-8 as lone surrogates.
        query = query.encode(errors="surrogateescape").decode(errors="replace")
    line, set_cookie = desk.builder.from_query(desk.facts_of(request), query, request.method)
    await desk.commit.kept([line], "pixel")
    response = web.Response(body=GIF, headers=PIXEL_HEADERS)
    if set_cookie:
        response.headers["Set-Cookie"] = set_cookie
    return response
