"""The engine: chDB in this process, one native connection for each request.

Seen with chDB 26.9 (2 cores, 2026-11): connections to one path run in parallel and hold their own
settings; one costs 0.2 ms. A connection runs one statement at a time. Everything here that says it
blocks releases the GIL while the engine works, and is called from threads.
Invariant: an error leaves this module as StoreError only. Knows nothing of HTTP.
"""

import fcntl
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import chdb

from deploy.embedded_store.engine_files import settings_of_reader, write_engine_files
from deploy.embedded_store.errors import UNKNOWN_SETTING, StoreError
from deploy.embedded_store.settings import StoreSettings
from deploy.embedded_store.unfinished_inserts import forget_unfinished_inserts
from schemas.errors import Explained

_native: Any = chdb._chdb
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


class StartError(Explained):
    """The store can't start; the text says why and which setting is to change."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the engine did for a statement."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked of the engine once, at start, for headers."""

    version: str
    timezone: str
    display_name: str
    content_types: Mapping[str, str]


class Engine:
    """The open data folder."""

    facts: Facts

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._folder = settings.path.absolute()
        self._lock: IO[str] | None = None
        self._first: Any = None
        self._address = ""

    def open(self) -> None:
        """Lock the folder and start the engine. Blocks; raises StartError."""
        self._lock = _lock(self._folder)
        try:
            forget_unfinished_inserts(self._folder)
        except (OSError, ValueError) as error:
            raise StartError(f"store.path {self._folder}: a log of tokens: {error}") from None
        files = write_engine_files(self._folder / "engine", self._settings)
        self._address = f"{self._folder}?config-file={files}"
        _native.set_signal_handlers_enabled(0)
        try:
            self._first = _native.connect(self._address)
        except RuntimeError as error:
            raise StartError(
                f"store.path {self._folder}: the engine does not open it: {error}"
            ) from None
        self.facts = self._ask_facts()

    def connect(self) -> "Connection":
        """Return a connection with full rights and the store's own limits. Blocks."""
        connection = Connection(_native.connect(self._address))
        connection.set(
            {
                "allow_python_table_function": "0",
                "max_memory_usage": str(self._settings.query_memory_bytes_max),
                **(
                    {"max_threads": str(threads)}
                    if (threads := self._settings.query_threads_max)
                    else {}
                ),
            }
        )
        return connection

    def connect_reader(self) -> "Connection":
        """Return a connection with a reader's role and limits; `seal` it before use. Blocks."""
        connection = self.connect()
        connection.run(b"SET ROLE reader")
        connection.set(settings_of_reader(self._settings))
        return connection

    def kill(self, marker: str) -> None:
        """Kill the running statement whose `log_comment` ends with `marker`. Blocks a little."""
        connection = Connection(_native.connect(self._address))
        statement = f"KILL QUERY WHERE endsWith(Settings['log_comment'], {literal(marker)}) ASYNC"
        connection.run(statement.encode())
        connection.close()

    def close(self) -> None:
        """Close the engine; all connections must be closed before. Blocks."""
        if self._first is not None:
            self._first.close()
        if self._lock is not None:
            self._lock.close()

    def _ask_facts(self) -> Facts:
        connection = Connection(self._first)
        line, _ = connection.run(b"SELECT version(), timezone(), hostName()")
        version, timezone, host = line.decode().rstrip("\n").split("\t")
        rows, _ = connection.run(
            b"SELECT name, content_type FROM system.formats WHERE is_output FORMAT TSVRaw"
        )
        pairs = (row.split("\t") for row in rows.decode().splitlines())
        return Facts(version, timezone, host, {name.lower(): kind for name, kind in pairs})


class Connection:
    """One native connection: settings, database and role of its own; one statement at a time.

    Its lock is held during every native call. A request that is given up leaves its call running in
    a thread, and the engine crashes, or deadlocks with Python's lock held, if the connection is
    closed meanwhile (both seen with chDB 26.9).
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self._one_at_a_time = threading.Lock()

    def set(self, settings: Mapping[str, str]) -> None:
        """Set engine settings for the life of the connection. Blocks; raises StoreError."""
        if not settings:
            return
        for name in settings:
            if not _SETTING_NAME.match(name):
                raise StoreError(UNKNOWN_SETTING, f"Unknown setting '{name}'.")
        pairs = ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())
        self.run(f"SET {pairs}".encode())

    def use(self, database: str) -> None:
        """Make `database` the current one. Blocks; raises StoreError."""
        name = database.replace("\\", "\\\\").replace("`", "\\`")
        self.run(f"USE `{name}`".encode())

    def seal(self) -> None:
        """Let nothing be changed from here on, not even a setting. Blocks."""
        self.set({"readonly": "1"})

    def classify(self, text: bytes) -> tuple[str, int]:
        """Return the class the engine's parser gives `text`, and its count of statements."""
        with self._one_at_a_time:
            found = self._native.classify_query(text, "")
        return found["query_class"].name, found["statement_count"]

    def parse(self, text: bytes) -> None:
        """Raise StoreError with the parser's words if `text` is no statement. Blocks."""
        escaped = text.decode("utf-8", "replace")
        for char, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t")):
            escaped = escaped.replace(char, escape)
        self.run(b"SELECT formatQuery({text:String})", params={"text": escaped})

    def run(
        self,
        text: bytes,
        default_format: str = "TabSeparated",
        params: Mapping[str, str] | None = None,
    ) -> tuple[bytes, Statistics]:
        """Run a statement and return its whole result. Blocks; raises StoreError."""
        with self._one_at_a_time:
            try:
                result = self._native.query(text, default_format, params=dict(params or {}))
            except RuntimeError as error:
                raise StoreError.from_engine(error) from None
            return result.bytes(), _statistics(result)

    def close(self) -> None:
        """Close the connection, once what runs on it has ended; may be called twice. Blocks."""
        with self._one_at_a_time:
            self._native.close()


def literal(value: str) -> str:
    """Return `value` as a string literal of SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _statistics(result: Any) -> Statistics:
    return Statistics(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        elapsed_seconds=result.elapsed(),
    )


def _lock(folder: Path) -> IO[str]:
    if "?" in str(folder) or "&" in str(folder):
        raise StartError(f"store.path {folder}: the engine allows no ? and no & in it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise StartError(f"store.path {folder}: {error}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StartError(
            f"store.path {folder}: another store has this folder open (process {owner}); "
            "stop it, or choose another folder with store.path (HELIOGRAPH_STORE_PATH)"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
