"""What the requests of one store share, and the room each takes while it runs.

Invariant: whatever happens to a request, its place is free again and its connection closed once its
statement has ended in the engine. Knows nothing of HTTP.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from deploy.embedded_store.ask import Ask
from deploy.embedded_store.engine import Connection, Engine
from deploy.embedded_store.errors import TOO_MANY_SIMULTANEOUS_QUERIES, StoreError
from deploy.embedded_store.metrics import Counters
from deploy.embedded_store.reader import check_reader_settings
from deploy.embedded_store.sessions import Session, Sessions, missing, put_back, settings_now
from deploy.embedded_store.settings import StoreSettings
from deploy.embedded_store.threads import Threads

_KILL_INTERVAL_SECONDS = 0.2
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Running:
    """One request with its connection.

    `future` is the statement in the engine, once begun; `kill` says whether it may be killed when
    its client is gone (the commit of an insert may not).
    """

    connection: Connection
    marker: str
    session: Session | None = None
    future: asyncio.Future[Any] | None = None
    kill: bool = True
    put_back: dict[str, str | None] = field(default_factory=dict)
    database_before: str = ""


class Store:
    """The open engine with its threads, sessions and counters."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.threads = Threads(settings.queries_running_max)
        self.counters = Counters()
        self.sessions = Sessions(settings.sessions_max)
        self._endings: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def room(self, ask: Ask) -> AsyncIterator[Running]:
        """Give a request a place and a connection; raises StoreError when all are taken.

        If the request is left while its statement runs, the statement is killed, and the place is
        free when it has ended.
        """
        self._enter(ask)
        try:
            running = await self._connect(ask)
        except BaseException:
            self._leave(ask)
            raise
        try:
            yield running
        finally:
            ending = self._spawn(self._end(running, ask))
            if running.future is None or running.future.done():
                await asyncio.shield(ending)

    def keep_session(self, running: Running, ask: Ask) -> None:
        """Let the connection of this request be the session it named, if it named one."""
        if ask.session_id and running.session is None:
            now = asyncio.get_running_loop().time()
            running.session = self.sessions.keep(self._session_key(ask), running.connection, now)

    async def close(self) -> None:
        """End what is left and close the engine."""
        while self._endings:
            await asyncio.wait(self._endings)
        self.sessions.close_all()
        self.threads.close()
        self.engine.close()

    def _enter(self, ask: Ask) -> None:
        counters, settings = self.counters, self.settings
        maximum = settings.queries_running_max
        full = counters.running >= maximum
        if ask.user == "reader" and counters.reader_running >= settings.reader_queries_running_max:
            full, maximum = True, settings.reader_queries_running_max
        if full:
            raise StoreError(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries for all users. Maximum: {maximum}.",
                "busy",
            )
        counters.running += 1
        counters.reader_running += ask.user == "reader"

    def _leave(self, ask: Ask) -> None:
        self.counters.running -= 1
        self.counters.reader_running -= ask.user == "reader"

    async def _connect(self, ask: Ask) -> Running:
        session = None
        if ask.session_id:
            session = self.sessions.take(self._session_key(ask), asyncio.get_running_loop().time())
            if session is None and ask.session_must_exist:
                raise missing(ask.session_id)
        preparing = self.threads.run(self._prepare, ask, session)
        try:
            return await asyncio.shield(preparing)
        except asyncio.CancelledError:
            self._spawn(self._discard(preparing, ask, session))
            raise
        except BaseException:
            if session is not None:
                self.sessions.give_back(session, 0)
            raise

    async def _discard(
        self, preparing: "asyncio.Future[Running]", ask: Ask, session: Session | None
    ) -> None:
        """Free a connection whose request was left before it had it."""
        try:
            running = await preparing
        except StoreError:
            if session is not None:
                self.sessions.give_back(session, 0)
            return
        await self._free(running, ask)

    def _prepare(self, ask: Ask, session: Session | None) -> Running:
        """Return the connection with the settings of `ask`. Blocks; raises StoreError."""
        settings = dict(ask.settings)
        settings["log_comment"] = f"{settings.get('log_comment', '')} {ask.query_id}".strip()
        if session is not None:
            return self._prepare_session(ask, session, settings)
        if ask.user == "reader":
            check_reader_settings(settings)
            running = Running(self.engine.connect_reader(), ask.query_id)
        else:
            running = Running(self.engine.connect(), ask.query_id)
        _apply(running.connection, ask, settings)
        if ask.user == "reader":
            running.connection.seal()
        return running

    def _prepare_session(self, ask: Ask, session: Session, settings: dict[str, str]) -> Running:
        """As `_prepare`, on a kept connection (only `default` has them), noting what to undo."""
        connection = session.connection
        running = Running(connection, ask.query_id, session)
        running.put_back = settings_now(connection, [*settings, "readonly"])
        if ask.database:
            name, _ = connection.run(b"SELECT currentDatabase() FORMAT TSVRaw")
            running.database_before = name.decode().rstrip("\n")
        _apply(connection, ask, settings)
        return running

    async def _end(self, running: Running, ask: Ask) -> None:
        """Wait for the statement to end, killing it, then free what the request had."""
        if running.future is not None and not running.future.done():
            self.counters.abandoned += 1
            await self._wait(running.future, running.marker if running.kill else "")
        try:
            await self._free(running, ask)
        except StoreError as error:
            log.warning("session %s was not put back: %s", ask.session_id, error)
        finally:
            self._leave(ask)

    async def _wait(self, future: asyncio.Future[Any], marker: str) -> None:
        """Wait for the future, killing what has `marker` until then; an empty one spares it."""
        while not future.done():
            if marker:
                await self.threads.run(self.engine.kill, marker)
            await asyncio.wait([future], timeout=_KILL_INTERVAL_SECONDS)
        with contextlib.suppress(StoreError, asyncio.CancelledError):
            future.result()

    async def _free(self, running: Running, ask: Ask) -> None:
        if running.session is None:
            await self.threads.run(running.connection.close)
            return
        try:
            await self.threads.run(put_back, running.connection, running.put_back)
            if running.database_before:
                await self.threads.run(running.connection.use, running.database_before)
        finally:
            seconds = min(ask.session_seconds, self.settings.session_seconds_max)
            now = asyncio.get_running_loop().time()
            self.sessions.give_back(running.session, now + seconds)
            if ask.close_session:
                self.sessions.close(self._session_key(ask))

    def _spawn(self, body: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(body)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    @staticmethod
    def _session_key(ask: Ask) -> str:
        return f"{ask.user} {ask.session_id}"


def _apply(connection: Connection, ask: Ask, settings: dict[str, str]) -> None:
    if ask.database:
        connection.use(ask.database)
    if ask.method != "POST" and settings.get("readonly", "0") == "0":
        settings["readonly"] = "2"
    # Last, since it forbids what comes after it.
    readonly = settings.pop("readonly", None)
    connection.set(settings)
    if readonly is not None and ask.user != "reader":
        connection.set({"readonly": readonly})
