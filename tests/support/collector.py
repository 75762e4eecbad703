"""A real collector on free ports: `heliograph collect` as a process, for tests of any part.

    with CollectorProcess(tmp_path, settings={"collector.workers": 2}) as collector:
        get(collector.port, "/p.gif?e=Signup")
        collector.lines()

It is ready when the context is entered; a test that fails inside finds the log in the failure.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.support.ports import free_ports
from tests.support.raw_http import Answer, get
from tests.support.waiting import wait_until

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 30.0


class CollectorProcess:
    """A supervisor and its workers. `settings` are flags: ``{"collector.workers": 2}``."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        wait_ready: bool = True,
    ) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self.port, self.admin_port = free_ports(2)
        self._settings: dict[str, object] = {
            "collector.host": "127.0.0.1",
            "collector.port": self.port,
            "collector.admin_port": self.admin_port,
            "collector.workers": 1,
            "journal.path": self.journal,
            **(settings or {}),
        }
        self._environment = environment or {}
        self._wait_ready = wait_ready
        self._log = folder / "collector.log"
        self.process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where the pixel's server is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where the admin port is, without a slash at the end."""
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def log(self) -> str:
        """All that the collector has logged."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def workers(self) -> int:
        """How many workers were asked for."""
        return int(str(self._settings["collector.workers"]))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if error is not None:
            error.add_note(f"The collector's log:\n{self.log}")

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = [f"--{name}={_flag(value)}" for name, value in self._settings.items()]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HELIOGRAPH_")}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "collect", *flags],
                cwd=self.folder,
                env={**clean, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if self._wait_ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until /readyz says 200."""
        wait_until(
            lambda: self.problems() == {}, START_SECONDS_MAX, f"ready collector; log:\n{self.log}"
        )

    def problems(self) -> dict[str, str] | None:
        """Return what /readyz says is wrong, {} if it is ready; None if nobody answers."""
        if self.process.poll() is not None:
            raise AssertionError(f"the collector ended with {self.process.returncode}:\n{self.log}")
        try:
            answer = self.admin("/readyz")
        except OSError:
            return None
        found: dict[str, str] = orjson.loads(answer.body)["problems"]
        assert (answer.status == 200) == (not found)
        return found

    def admin(self, path: str) -> Answer:
        """GET from the admin port."""
        return get(self.admin_port, path)

    def metrics(self) -> dict[str, float]:
        """Return /metrics, labels other than the process in the name, summed over workers."""
        totals: dict[str, float] = {}
        for line in self.admin("/metrics").body.decode().splitlines():
            if line.startswith("#"):
                continue
            series, _, value = line.rpartition(" ")
            name, _, labels = series.partition("{")
            kept = [part for part in labels.rstrip("}").split(",") if "process=" not in part]
            key = name + ("{" + ",".join(kept) + "}" if any(kept) else "")
            totals[key] = totals.get(key, 0.0) + float(value)
        return totals

    def worker_pid(self, number: int) -> int:
        """Return the process id of worker `number`: the child that holds its journal's lock."""
        lock = self.journal / f"w{number}" / "lock"

        def found() -> int:
            return next((pid for pid in self.worker_pids() if _holds(pid, lock)), 0)

        return wait_until(found, what=f"worker {number}; log:\n{self.log}")

    def worker_pids(self) -> list[int]:
        """Return the process ids of all workers alive."""
        pid = self.process.pid
        try:
            return [
                int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ]
        except FileNotFoundError:
            return []

    def kill_worker(self, number: int) -> int:
        """Kill worker `number` with -9; return the process id it had."""
        pid = self.worker_pid(number)
        os.kill(pid, signal.SIGKILL)
        return pid

    def terminate(self, seconds_max: float = STOP_SECONDS_MAX) -> int:
        """Send SIGTERM; return the exit code, within the deadline."""
        self.process.terminate()
        return self.process.wait(seconds_max)

    def kill(self) -> None:
        """Kill the supervisor with -9, if it still runs, and see its workers end."""
        workers = self.worker_pids()
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not any(map(alive, workers)), what=f"end of workers {workers}")

    def lines(self) -> list[dict[str, Any]]:
        """Return all hits in all journals, journal by journal, in order."""
        return [
            orjson.loads(line)
            for segment in sorted(self.journal.glob("*/*.ndjson"))
            for line in segment.read_bytes().splitlines()
        ]


def _flag(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _holds(pid: int, path: Path) -> bool:
    try:
        files = [file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()]
    except (FileNotFoundError, PermissionError):
        return False
    return path.resolve() in files


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
