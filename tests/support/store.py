"""A real store in a process of its own: `StoreProcess`, for tests of whatever speaks to one.

    with StoreProcess(tmp_path / "store") as store:
        requests_go_to(store.url)

    store.query("SELECT 1 FORMAT JSON").body

`start` returns when the store listens; `kill` is SIGKILL, `terminate` SIGTERM; after either,
`start` opens the same folder again, on the same port. Invariant: the process does not outlive its
starter, since the store stops when its standard input closes.
"""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
REPLY_SECONDS_MAX = 60.0
ROOT = Path(__file__).parents[2]

_LISTENING = re.compile(r"listening on http://[^ ]*:(\d+),")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came over the wire; `cut` says that the body ended before its end."""

    status: int
    headers: Message
    body: bytes
    cut: bool = False

    @property
    def text(self) -> str:
        """The body as text, without the last line break."""
        return self.body.decode().removesuffix("\n")


class StoreProcess:
    """The store as a supervised child; further settings of the store by keyword."""

    def __init__(self, path: Path, *, port: int = 0, **settings: Any) -> None:
        self.path = path
        self.port = port
        self.log: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._listening = threading.Event()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running store."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "StoreProcess":
        """Start the process and wait until it listens; raises AssertionError with its log."""
        self._listening.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded_store"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(
            json.dumps({"path": str(self.path), "port": self.port, **self._settings}) + "\n"
        )
        stdin.flush()
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_log, self._read_status)
        ]
        for reader in self._readers:
            reader.start()
        assert self._listening.wait(START_SECONDS_MAX), self.log
        assert self.port, self.log
        return self

    def query(
        self,
        sql: str = "",
        *,
        method: str = "POST",
        path: str = "/",
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Reply:
        """Send one request; with a body of its own, `sql` goes into the URL."""
        if sql and (body is not None or method != "POST"):
            params["query"] = sql
            body = body or b""
        target = f"{path}?{urlencode(params)}" if params else path
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REPLY_SECONDS_MAX)
        try:
            connection.request(
                method, target, sql.encode() if body is None else body, dict(headers or {})
            )
            response = connection.getresponse()
            try:
                return Reply(response.status, response.headers, response.read())
            except http.client.IncompleteRead as error:
                return Reply(response.status, response.headers, error.partial, cut=True)
        finally:
            connection.close()

    def must(self, sql: str, **how: Any) -> str:
        """Return the text of the answer to a query that must succeed."""
        reply = self.query(sql, **how)
        assert reply.status == 200, reply.text
        return reply.text

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code once the store has stopped."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Send SIGKILL and return the exit code."""
        return self._end(signal.SIGKILL)

    def close_stdin(self) -> None:
        """Do what the end of the supervisor does."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> int:
        """Wait for the store to stop by itself and return the exit code."""
        assert self._process is not None
        code = self._process.wait(STOP_SECONDS_MAX)
        for reader in self._readers:
            reader.join(STOP_SECONDS_MAX)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._process = None
        return code

    def __enter__(self) -> "StoreProcess":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.terminate()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := _LISTENING.search(line):
                self.port = int(found[1])
                self._listening.set()
        self._listening.set()

    def _read_status(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self.statuses.extend(json.loads(line) for line in self._process.stdout)
