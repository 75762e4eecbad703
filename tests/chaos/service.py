"""One `heliograph` command as systemd would run it: started again whenever it ends unasked.

Its supervisor and its children can be killed and frozen one by one. Whoever uses it calls `tend`
now and then. The admin port says whether it is well.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from tests.support.raw_http import get

STOP_SECONDS_MAX = 30.0
RESTART_SECONDS = 0.3
LOG_TAIL_BYTES = 3000


class Service:
    """A supervisor with its children; `flags` are settings: ``{"collector.workers": 1}``."""

    def __init__(
        self, name: str, command: str, folder: Path, admin_port: int, flags: Mapping[str, object]
    ) -> None:
        self.name = name
        self.restarts = 0
        self._command = [sys.executable, "-m", "deploy", command]
        self._command += [f"--{key}={value}" for key, value in flags.items()]
        self._folder = folder
        self._admin_port = admin_port
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._ended_at: float | None = None
        self._log = folder / f"{name}.log"

    def start(self) -> None:
        """Start it; returns at once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HELIOGRAPH_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=clean, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        self._wanted, self._ended_at = True, None

    def tend(self, now: float) -> None:
        """Start it again a moment after it has ended, if it should run."""
        if not self._wanted or self._process is None or self._process.poll() is None:
            return
        if self._ended_at is None:
            self._ended_at = now
        if now - self._ended_at >= RESTART_SECONDS:
            self.restarts += 1
            self.start()

    def terminate(self) -> None:
        """Ask it to end, and not to be started again; returns at once."""
        self._wanted = False
        if self._process is not None:
            self._process.terminate()

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self._process is None or self._process.poll() is not None

    def wait(self) -> int:
        """Wait until it has ended; return the exit code. By force if it takes too long."""
        self._wanted = False
        if self._process is None:
            return 0
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    @property
    def supervisor(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> Sequence[int]:
        """Return the children's process ids; none while there are none."""
        if self.ended():
            return []
        try:
            path = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children")
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    def problems(self) -> str:
        """Return what /readyz says is wrong; empty if it is well."""
        if self.ended():
            return "not running"
        try:
            answer = get(self._admin_port, "/readyz")
            found: dict[str, str] = orjson.loads(answer.body)["problems"]
        except (OSError, ValueError) as error:
            return f"no answer of the admin port: {error!r}"
        return "; ".join(f"{child}: {problem}" for child, problem in found.items())

    def metric(self, name: str) -> float | None:
        """Return the sum of a metric over its series; None if it can't be asked now."""
        try:
            rows = get(self._admin_port, "/metrics").body.decode().splitlines()
        except OSError:
            return None
        found = [row.rsplit(" ", 1) for row in rows if row.startswith(name)]
        values = [float(value) for series, value in found if series.partition("{")[0] == name]
        return sum(values) if values else None

    def tail(self) -> str:
        """Return the end of its log."""
        if not self._log.exists():
            return ""
        return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone already is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
