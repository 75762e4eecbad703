"""The application: every request that is not a plain pixel GET, by aiohttp, on the same port.

Routes are in `collector.routes`; here are the order of middleware and the headers of every answer.
"""

from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web

from collector.app_connection import AppConnection
from collector.desk import DESK, Desk
from collector.host_header import is_valid_host
from collector.routes import (
    beacon,
    click,
    consent_log,
    events,
    openapi,
    optout,
    pixel,
    small,
    start,
    start_tools,
    tag,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Any order would do.
_ROUTES = (
    *(pixel, beacon, click, consent_log, events, openapi),
    *(optout, start, start_tools, small, tag),
)


def make_app(desk: Desk) -> web.Application:
    """Return the application with all its routes."""
    app = web.Application(
        middlewares=[_note_request, _count_refusals, _refuse_bad_heads],
        client_max_size=desk.settings.body_bytes_max,
    )
    app[DESK] = desk
    app.on_response_prepare.append(_drop_server_header)
    app.on_response_prepare.append(_close_after_expectation)
    app.on_response_prepare.append(_say_close)
    for routes in _ROUTES:
        routes.add(app, desk.settings)
    return app


@web.middleware
async def _note_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection when a request is under way, for its time-outs."""
    connection = request.protocol
    assert isinstance(connection, AppConnection)
    connection.request_begun(request)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _close_after_last(request, error)
        raise
    finally:
        connection.request_ended()
    _close_after_last(request, response)
    return response


def _close_after_last(request: web.Request, response: web.StreamResponse) -> None:
    """Say that the connection ends: at the client's or our end, or at a body that nobody reads."""
    connection = request.protocol
    assert isinstance(connection, AppConnection)
    if not request.content.is_eof():
        connection.ignore_rest()
        response.force_close()
    elif connection.is_last:
        response.force_close()


@web.middleware
async def _count_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        request.app[DESK].counters.refuse(error.status)
        raise
    if response.status >= 400:
        request.app[DESK].counters.refuse(response.status)
    return response


@web.middleware
async def _refuse_bad_heads(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what aiohttp takes and RFC 9112 does not (sections 2.3 and 3.2), and close.

    Bounds the header block as a whole; aiohttp bounds each field.
    """
    refusal: web.HTTPException | None = None
    size = sum(len(name) + len(value) + 4 for name, value in request.raw_headers)
    if request.version.major > 1:
        refusal = web.HTTPVersionNotSupported()
    elif request.version.major < 1 or not is_valid_host(_host(request)):
        refusal = web.HTTPBadRequest()
    elif size > request.app[DESK].settings.header_bytes_max:
        refusal = web.HTTPRequestHeaderFieldsTooLarge()
    if refusal is None:
        return await handler(request)
    refusal.force_close()
    raise refusal


def _host(request: web.Request) -> bytes:
    return next((value for name, value in request.raw_headers if name.lower() == b"host"), b"")


async def _drop_server_header(request: web.Request, response: web.StreamResponse) -> None:
    """What serves the pixel is nobody's business."""
    response.headers.popall("Server", None)


async def _close_after_expectation(request: web.Request, response: web.StreamResponse) -> None:
    """End the connection after an unknown `Expect`, which aiohttp answers before any middleware."""
    if response.status == web.HTTPExpectationFailed.status_code:
        request.app[DESK].counters.refuse(response.status)
        response.force_close()
        response.headers["Connection"] = "close"


async def _say_close(request: web.Request, response: web.StreamResponse) -> None:
    """Say to clients of HTTP/1.0 too that the connection ends, as the lane does."""
    if response.keep_alive is False and request.version < HttpVersion11:
        response.headers["Connection"] = "close"
