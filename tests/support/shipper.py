"""A real shipper as a process, driven as `heliograph` does, for tests of any part.

    with ShipperProcess(parent_of_journals, bootstrap="127.0.0.1:9092", topic="hits") as shipper:
        wait_until(lambda: shipper.metric("shipper_hits_total") == 100)

What it said on stderr is in `log`; leaving the context stops it as SIGTERM does.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import orjson

from schemas.child import Status

STOP_SECONDS_MAX = 30.0


class ShipperProcess:
    """One shipper of all journals under `parent`; `kafka` are settings of the section `kafka`."""

    def __init__(self, parent: Path, *, index: int = 0, **kafka: Any) -> None:
        self._settings = {
            "index": index,
            "journal": {"path": str(parent), "readers": ["kafka"]},
            "kafka": {"linger_ms": 5, "retry_seconds_max": 0.5, "away_seconds_max": 0, **kafka},
        }
        self.log: list[str] = []
        self._status = Status()
        self._threads: list[Thread] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    @property
    def problem(self) -> str:
        """What the shipper last said keeps it from shipping."""
        return self._status.problem

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What it counted, by metric name; of the process now running only."""
        return self._status.metrics

    def metric(self, name: str) -> Any:
        """Return one number, 0 before the first status."""
        return self.metrics.get(name, 0)

    def start(self) -> None:
        """Start the process, after it ended or for the first time."""
        self._status = Status()
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "collector.shipper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(orjson.dumps(self._settings) + b"\n")
        process.stdin.flush()
        self._threads = [Thread(target=self._read_status), Thread(target=self._read_log)]
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        """End the process as kill -9 does."""
        self.process.kill()
        self._ended()

    def stop(self) -> int:
        """End the process as SIGTERM does; return its status."""
        self.process.terminate()
        return self._ended()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        if error is not None:
            error.add_note("shipper's log:\n" + "".join(self.log[-50:]))

    def _ended(self) -> int:
        status = self.process.wait(STOP_SECONDS_MAX)
        for thread in self._threads:
            thread.join(STOP_SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return status

    def _read_status(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        for line in stdout:
            self._status = Status.decode(line)

    def _read_log(self) -> None:
        stderr = self.process.stderr
        assert stderr is not None
        for line in stderr:
            self.log.append(line.decode(errors="replace"))
