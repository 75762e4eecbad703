"""The HTTP server of the store: routes, one request from guard to answer, start and stop.

Order of a request: its Host, its user, its parameters, a place among the running, its body, its
statement. Knows nothing of what a statement means.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable

from aiohttp import BodyPartReader, web

from deploy.embedded_store.access import PREFLIGHT_HEADERS, Access
from deploy.embedded_store.answer import Answer
from deploy.embedded_store.ask import Ask, read_ask
from deploy.embedded_store.body import Body
from deploy.embedded_store.engine import StartError
from deploy.embedded_store.errors import NOT_IMPLEMENTED, QUERY_IS_TOO_LARGE, StoreError
from deploy.embedded_store.insert import answer_insert
from deploy.embedded_store.query import answer_statement
from deploy.embedded_store.root_page import answer_root, ok
from deploy.embedded_store.settings import StoreSettings
from deploy.embedded_store.statement import find_insert
from deploy.embedded_store.store import Store
from schemas.child import STATUS_INTERVAL_SECONDS, Child, Status

# As ClickHouse's http_max_uri_size and about its http_max_field_value_size.
_LINE_BYTES_MAX = 1024 * 1024
_FIELD_BYTES_MAX = 128 * 1024
_KEEP_ALIVE_SECONDS = 30.0
# The text of an insert, and where its data begins, must be within this.
_HEAD_BYTES = 256 * 1024

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(child: Child, settings: StoreSettings) -> None:
    """Run the store until `child.stop`; raises StartError."""
    store = Store(settings)
    await store.threads.run(store.engine.open)
    runner = web.AppRunner(
        make_app(store),
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,  # `body` does it, with a limit and in threads
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=settings.stop_seconds_max,
        max_line_size=_LINE_BYTES_MAX,
        max_field_size=_FIELD_BYTES_MAX,
    )
    await runner.setup()
    try:
        await _listen(runner, settings)
        await _report_until_stopped(child, store)
    finally:
        await runner.cleanup()
        await store.close()


def make_app(store: Store) -> web.Application:
    """Return the application: ClickHouse's paths and the guard before them."""
    access = Access(store.settings)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            access.check_host(request.headers)
        except StoreError as error:
            store.counters.rejected[error.reason] += 1
            return Answer(request, store.engine.facts, store.threads).refuse(error)
        return await handler(request)

    async def statement(request: web.Request) -> web.StreamResponse:
        if request.method in ("GET", "HEAD") and "query" not in request.query:
            return answer_root(request, store.settings)
        return await _answer(store, access, request)

    app = web.Application(middlewares=[guard])
    app.router.add_get("/ping", _ok)
    app.router.add_get("/replicas_status", _ok)
    app.router.add_route("OPTIONS", "/{path:.*}", _preflight)
    for method in ("GET", "HEAD", "POST"):
        app.router.add_route(method, "/", statement)
        app.router.add_route(method, "/query", statement)
    return app


async def _listen(runner: web.AppRunner, settings: StoreSettings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise StartError(
            f"store.port {settings.port} (HELIOGRAPH_STORE_PORT) on store.host {settings.host} "
            f"can't be listened on: {os.strerror(error.errno or 0)}; stop what has it, or "
            "choose another"
        ) from None
    host, port = runner.addresses[0][:2]
    log.info("listening on http://%s:%s, data in %s", host, port, settings.path)


async def _report_until_stopped(child: Child, store: Store) -> None:
    while not child.stop.is_set():
        child.report(Status(metrics=store.counters.snapshot()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.stop.wait(), STATUS_INTERVAL_SECONDS)


async def _ok(_request: web.Request) -> web.Response:
    return ok()


async def _preflight(request: web.Request) -> web.Response:
    headers = dict(PREFLIGHT_HEADERS)
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


async def _answer(store: Store, access: Access, request: web.Request) -> web.StreamResponse:
    """Answer one request; every StoreError becomes an answer here."""
    answer = Answer(request, store.engine.facts, store.threads)
    try:
        user = access.identify(request.headers, request.query)
        pairs = list(request.query.items())
        if request.content_type == "multipart/form-data":
            pairs += await _form_fields(request, store.settings.query_bytes_max)
        ask = read_ask(user, request.method, request.headers, pairs)
        answer.understood(ask.query_id, ask.cors, ask.compress_answer)
        await _run(store, ask, request, answer)
        # Now that the place and the session are free again, the client may send its next.
        return await answer.end()
    except StoreError as error:
        counter = store.counters.rejected if error.reason else store.counters.failed
        counter[error.reason or str(error.code)] += 1
        return answer.refuse(error)


async def _run(store: Store, ask: Ask, request: web.Request, answer: Answer) -> None:
    """Run what is asked and send all of the answer but its end."""
    async with store.room(ask) as running:
        body = Body(request, store.threads, store.settings.body_bytes_max)
        head = (
            b"" if request.content_type == "multipart/form-data" else await body.head(_HEAD_BYTES)
        )
        if ask.query:
            head = ask.query.rstrip() + b"\n" + head
        insert = find_insert(head[:_HEAD_BYTES])
        if insert is not None:
            data = head[insert.data_start :]
            await answer_insert(store, ask, running, insert, data, body, answer)
            return
        text = bytearray(head)
        async for piece in body.rest():
            text += piece
            _check_length(len(text), store.settings.query_bytes_max)
        await answer_statement(store, ask, running, bytes(text), answer)


async def _form_fields(request: web.Request, bytes_max: int) -> list[tuple[str, str]]:
    """Return the fields of a multipart form; they mean what URL parameters mean."""
    fields: list[tuple[str, str]] = []
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.filename is not None:
            raise StoreError(NOT_IMPLEMENTED, "The embedded store has no external tables.")
        value = bytearray()
        while chunk := await part.read_chunk():
            value += chunk
            total += len(chunk)
            _check_length(total, bytes_max)
        fields.append((part.name or "", value.decode("utf-8", "surrogateescape")))
    return fields


def _check_length(length: int, bytes_max: int) -> None:
    if length > bytes_max:
        raise StoreError(
            QUERY_IS_TOO_LARGE,
            f"The text of the query is longer than store.query_bytes_max, {bytes_max} bytes.",
            "size",
        )
