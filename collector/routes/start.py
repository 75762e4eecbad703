"""`GET /start`: a page that fires real pixels at this collector and shows the snippet to copy."""

from importlib.resources import files
from string import Template

from aiohttp import web

from collector.app import DESK
from collector.settings import CollectorSettings


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the page, unless the settings say that there is none."""
    if settings.start_page:
        app.router.add_get("/start", _start)


async def _start(request: web.Request) -> web.Response:
    settings = request.app[DESK].settings
    page = Template(files("collector").joinpath("pages/start.html").read_text())
    text = page.substitute(
        pixel_path=settings.pixel_path,
        beacon_path=settings.beacon_path,
        store_url=settings.start_store_url,
        cookie_name=settings.cookie_name,
    )
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
