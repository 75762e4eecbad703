"""aiohttp answering the GIF and doing nothing else: what the framework costs."""

import sys

import uvloop
from aiohttp import web

from bench.apps.gif import GIF


async def pixel(request: web.Request) -> web.Response:
    """Answer the GIF."""
    return web.Response(body=GIF, content_type="image/gif")


def serve(application: web.Application, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM, on uvloop, without aiohttp's own access log."""
    loop = uvloop.new_event_loop()
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


def main(port: int) -> None:
    """Run it."""
    application = web.Application()
    application.router.add_get("/p.gif", pixel)
    serve(application, port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
