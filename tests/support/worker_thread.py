"""A real collector worker, in a thread of the test: real sockets, real journal, no supervisor.

Faster than a process, and it sees what a process can only log: every call of the loop's exception
handler and every log record from WARNING up is kept, and `check` fails on any that was not
expected.
"""

import asyncio
import logging
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import uvloop

from collector.settings import CollectorSettings
from collector.worker import Worker
from schemas.child import Child, Status
from schemas.journal.settings import JournalSettings
from tests.support.ports import free_ports
from tests.support.raw_http import Answer, get
from tests.support.visitors import write_secret
from tests.support.waiting import wait_until


class _Child(Child):
    """A supervisor's view of the worker, without a supervisor."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Status | None = None

    def report(self, status: Status) -> None:
        self.last = Status.decode(status.encode())


class _Records(logging.Handler):
    """What one thread logs; others may run workers of their own."""

    def __init__(self, thread_name: str) -> None:
        super().__init__(logging.WARNING)
        self.thread_name = thread_name
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.threadName == self.thread_name:
            self.messages.append(logging.Formatter().format(record))


class WorkerThread:
    """One worker. `settings` are the collector's, `journal` the journal's."""

    def __init__(
        self, folder: Path, journal: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        (self.port,) = free_ports(1)
        self.folder = folder / "w0"
        self.settings = CollectorSettings.model_validate(
            {
                "host": "127.0.0.1",
                "port": self.port,
                "secret_file": write_secret(folder),
                **settings,
            }
        )
        self._journal = JournalSettings.model_validate({"path": folder, **(journal or {})})
        self._child = _Child()
        self._records = _Records(f"worker-{self.port}")
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"worker-{self.port}")
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._records)
        self._thread.start()
        wait_until(lambda: self.error or self._child.last, what="a running worker")
        self.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join(30)
        logging.getLogger().removeHandler(self._records)
        if self._records.messages and error is not None:
            error.add_note("The worker's log:\n" + "\n".join(self._records.messages))
        assert not self._thread.is_alive(), "the worker did not stop"
        self._loop.close()
        if error is None:
            self.check()

    @property
    def log(self) -> list[str]:
        """All log records from WARNING up, and calls of the loop's exception handler."""
        return self._records.messages

    @property
    def status(self) -> Status:
        """What the worker last told its supervisor."""
        assert self._child.last is not None
        return self._child.last

    @property
    def running(self) -> bool:
        """Tell whether the worker runs."""
        return self._thread.is_alive()

    def check(self, *expected: str) -> None:
        """Fail if anything was logged that has none of the `expected` texts in it."""
        if self.error is not None:
            raise self.error
        others = [m for m in self.log if not any(text in m for text in expected)]
        assert not others, "\n".join(others)
        self.log.clear()

    def metric(self, name: str) -> Any:
        """Return a metric from a status that is younger than this call."""
        seen = self._child.last
        wait_until(lambda: self._child.last is not seen, what="a status")
        return self.status.metrics[f"collector_{name}"]

    def stop(self) -> None:
        """Tell the worker to drain and end, as SIGTERM does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._child.stop.set)

    def hang_up(self) -> None:
        """Have it read its files again, as SIGHUP does."""
        self._loop.call_soon_threadsafe(lambda: self._child.on_hangup())

    def journal_bytes(self) -> bytes:
        """Return all the journal's bytes."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("*.ndjson")))

    def lines(self) -> list[dict[str, Any]]:
        """Return the journal's hits."""
        return [orjson.loads(line) for line in self.journal_bytes().splitlines()]

    def get(self, target: str, headers: str = "") -> tuple[Answer, dict[str, Any]]:
        """GET on a connection of its own; return the answer and the one hit it left."""
        before = len(self.journal_bytes())
        answer = get(self.port, target, headers)
        (line,) = self.journal_bytes()[before:].splitlines()
        return answer, orjson.loads(line)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._note)
        worker = Worker("w0", self.settings, self._journal, self._child)
        try:
            self._loop.run_until_complete(worker.run())
        except BaseException as error:  # noqa: BLE001 - raised again by `check`
            self.error = error

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        logging.getLogger("loop").error("%s", context["message"], exc_info=error)
