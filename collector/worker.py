"""One worker: the lane, the application and a journal of its own, on a port shared by all workers.

Wires the parts, ticks once a second (time-outs, Date, status) and drains on SIGTERM. A part's rules
are in its own file.
"""

import asyncio
import gc
import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from collector import daily_visitors
from collector.api_door import ApiDoor
from collector.api_keys import ApiKeys
from collector.app import make_app
from collector.app_connection import AppConnection
from collector.build_hit import HitBuilder
from collector.connections import Connections
from collector.consent import ConsentReader
from collector.daily_visitors import DailyVisitors
from collector.desk import Desk
from collector.door import Door
from collector.facts import FactsReader
from collector.group_commit import GroupCommit
from collector.guarded_journal import GuardedJournal
from collector.lane import LaneShared
from collector.metrics import Counters
from collector.responses import PixelAnswers
from collector.secrets import load_secrets, secret_path
from collector.settings import CollectorSettings
from collector.sites import Sites
from collector.visitor_cookie import VisitorCookie
from schemas.child import STATUS_INTERVAL_SECONDS, Child, Status
from schemas.journal.settings import JournalSettings
from schemas.journal.writer import JournalLocked, JournalWriter, sync_files

log = logging.getLogger(__name__)

# A reader that deletes an abandoned journal's last segment holds its lock for a moment.
LOCK_TRIES = 20
LOCK_RETRY_SECONDS = 0.1
# Containers made and not freed before the youngest are looked at; CPython's own is 700, which a
# storm of new connections reaches every turn.
GC_ALLOCATIONS = 20_000
DRAIN_POLL_SECONDS = 0.05


class Worker:
    """A collector process, from settings to exit."""

    def __init__(
        self,
        name: str,
        collector: CollectorSettings,
        journal: JournalSettings,
        child: Child,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`files` has the texts of the files of sites and keys, if the supervisor read them."""
        self._name = name
        self._settings = collector
        self._journal_settings = journal
        self._child = child
        self._files = files or {}
        # Set at once, so that none is missed while the worker starts; the next tick obeys.
        self._hung_up = asyncio.Event()
        child.on_hangup = self._hung_up.set
        self._counters = Counters()
        # Why the last sync failed; empty if it did not.
        self._sync_problem = ""

    async def run(self) -> None:
        """Serve until the child is told to stop; then drain and close the journal."""
        self._loop = asyncio.get_running_loop()
        self._journal = await _open_journal(
            self._journal_settings.path / self._name, self._journal_settings
        )
        self._build()
        runner = web.AppRunner(
            make_app(self._desk),
            handle_signals=False,
            # Handlers had until the drain's deadline already.
            shutdown_timeout=DRAIN_POLL_SECONDS,
        )
        await runner.setup()
        assert runner.server is not None
        self._server = runner.server
        shared = self._lane_shared()
        self._answers.refresh(int(time.time()))
        _settle_garbage_collection()
        door = Door(_listening_socket(self._settings), shared, self._loop)
        door.open()
        log.info("journal %s at %d", self._journal.folder, self._journal.position)
        try:
            await self._tick_until_stopped()
            door.close()
            await self._drain()
        finally:
            await runner.cleanup()
            self._commit.flush()
            self._guarded.close(self._settings.drain_seconds_max)

    def _build(self) -> None:
        settings = self._settings
        secrets = load_secrets(
            secret_path(settings.secret_file, self._journal_settings.path), os.urandom
        )
        self._sites = Sites(settings, self._files.get("sites"))
        self._keys = ApiKeys(settings.keys_file, self._files.get("keys"))
        consent = ConsentReader(settings)
        cookie = VisitorCookie(settings, secrets.signer("cookie"))
        salt = self._journal_settings.path.parent / daily_visitors.FILE_NAME
        self._daily = DailyVisitors(salt, os.urandom)
        if settings.visitor_kind != "daily":
            # Of settings that held before: a salt must not outlive its day.
            salt.unlink(missing_ok=True)
        self._facts = FactsReader(settings, consent, cookie)
        self._answers = PixelAnswers()
        self._builder = HitBuilder(
            settings,
            self._counters,
            _clock_ms,
            os.urandom,
            self._sites,
            secrets,
            consent,
            cookie,
            self._daily,
        )
        guarded = GuardedJournal(
            self._journal, self._journal_settings.write_ms_max / 1000, time.monotonic
        )
        self._guarded = guarded
        self._commit = GroupCommit(guarded, self._counters, self._loop, time.perf_counter)
        self._connections = Connections(
            self._counters,
            connections_max=settings.connections_max,
            idle_seconds_max=settings.idle_seconds_max,
            read_seconds_max=settings.read_seconds_max,
            now=self._loop.time(),
        )
        self._desk = Desk(
            settings,
            self._facts,
            self._builder,
            self._answers,
            self._commit,
            self._counters,
            secrets,
            self._sites,
            cookie,
            ApiDoor(self._keys, settings.api_events_per_second, _clock_ms, time.monotonic),
            _clock_ms,
        )

    def _lane_shared(self) -> LaneShared:
        def new_app_connection() -> AppConnection:
            return AppConnection(
                self._server, self._settings, self._connections, self._counters, self._loop
            )

        return LaneShared(
            self._settings,
            facts=self._facts,
            builder=self._builder,
            answers=self._answers,
            commit=self._commit,
            counters=self._counters,
            connections=self._connections,
            new_app_connection=new_app_connection,
        )

    async def _tick_until_stopped(self) -> None:
        syncing = asyncio.create_task(self._sync_for_ever())
        while not self._child.stop.is_set():
            self._tick()
            try:
                async with asyncio.timeout(STATUS_INTERVAL_SECONDS):
                    await self._child.stop.wait()
            except TimeoutError:
                continue
        syncing.cancel()

    def _tick(self) -> None:
        if self._hung_up.is_set():
            self._hung_up.clear()
            self._sites.reload()
            self._keys.reload()
        self._answers.refresh(int(time.time()))
        self._connections.sweep(self._loop.time())
        self._commit.tend()
        if self._settings.visitor_kind == "daily":
            self._daily.refresh(time.time_ns() // 1_000_000)
        problem = self._commit.problem or self._sync_problem
        if self._connections.draining:
            problem = "draining"
        stale = [file.problem for file in (self._sites.file, self._keys.file) if file.problem]
        self._counters.files_stale = len(stale)
        self._child.report(
            Status(
                problem,
                self._counters.snapshot(len(self._connections), self._journal.bytes_kept),
                "; ".join(stale),
            )
        )

    async def _sync_for_ever(self) -> None:
        """Sync what was written every `fsync_ms`, in another thread; nothing if that is 0."""
        while self._journal_settings.fsync_ms:
            await asyncio.sleep(self._journal_settings.fsync_ms / 1000)
            files = self._guarded.take_unsynced()
            if not files:
                continue
            folder = self._journal.folder
            try:
                await self._loop.run_in_executor(None, sync_files, folder, files)
            except OSError as error:
                self._sync_problem = f"journal {folder} can't be synced: {error.strerror or error}"
                log.error("%s", self._sync_problem)
            else:
                self._sync_problem = ""

    async def _drain(self) -> None:
        """Answer what is in flight, with `Connection: close`, within the deadline."""
        self._connections.draining = True
        deadline = self._loop.time() + self._settings.drain_seconds_max
        while len(self._connections) and self._loop.time() < deadline:
            self._tick()
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        if len(self._connections):
            log.warning("drain deadline: %d connections cut", len(self._connections))
            self._connections.cut()


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


def _settle_garbage_collection() -> None:
    """Keep collections short and rare: what exists now stays, and hits make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)


async def _open_journal(folder: Path, settings: JournalSettings) -> JournalWriter:
    for attempt in range(LOCK_TRIES):
        try:
            return JournalWriter(
                folder,
                segment_bytes_max=settings.segment_bytes_max,
                segment_age_seconds_max=settings.segment_age_seconds_max,
                quota_bytes_max=settings.quota_bytes_max,
                synced=settings.fsync_ms > 0,
                monotonic=time.monotonic,
            )
        except JournalLocked:
            if attempt == LOCK_TRIES - 1:
                raise
            await asyncio.sleep(LOCK_RETRY_SECONDS)
    raise AssertionError("unreachable: the last try raises")


def _listening_socket(settings: CollectorSettings) -> socket.socket:
    """Return a listening socket that the workers share the port of (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(settings.backlog)
    except OSError:
        listener.close()
        raise
    return listener
