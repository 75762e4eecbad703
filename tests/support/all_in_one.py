"""All of Heliograph on free ports: `heliograph run` as a process, with the embedded store.

    with AllInOneProcess(tmp_path) as heliograph:
        get(heliograph.port, "/p.gif?e=Signup")
        heliograph.wait_for_rows("SELECT event FROM hits", 1)

It is ready when the context is entered; a test that fails inside finds the output in the failure.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import orjson

from tests.support.ports import free_ports
from tests.support.waiting import wait_until

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0


class AllInOneProcess:
    """Store, consumer and collector. `settings` are flags: ``{"collector.workers": 1}``."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        self.folder = folder
        self.port, self.admin_port, self.consumer_admin_port, self.store_port = free_ports(4)
        self.settings: dict[str, object] = {
            "collector.host": "127.0.0.1",
            "collector.port": self.port,
            "collector.admin_port": self.admin_port,
            "consumer.admin_port": self.consumer_admin_port,
            "store.port": self.store_port,
            **(settings or {}),
        }
        self._output = folder / "output.log"
        self.process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where the collector is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store_url(self) -> str:
        """Where the store is, without a slash at the end."""
        return f"http://127.0.0.1:{self.store_port}"

    @property
    def output(self) -> str:
        """All that was printed since the folder was made."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def flags(self) -> list[str]:
        """The flags that give the settings."""
        return [f"--{name}={value}" for name, value in self.settings.items()]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.interrupt()
        if error is not None:
            error.add_note(f"The output of heliograph run:\n{self.output}")

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it says that it runs."""
        before = len(self.output)
        self.spawn()
        wait_until(
            lambda: self._still_runs() and "Heliograph is running." in self.output[before:],
            START_SECONDS_MAX,
            "a welcome",
        )

    def spawn(self) -> None:
        """Start the process without waiting for anything."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HELIOGRAPH_")}
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "run", *self.flags],
                cwd=self.folder,
                env=clean,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def interrupt(self, seconds_max: float = STOP_SECONDS_MAX) -> int:
        """Press Ctrl-C, as it were; return the exit code, within the deadline."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds_max)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the store as anybody would; return the rows, none while it can't answer."""
        text = quote(f"{query} FORMAT JSONEachRow")
        try:
            with urlopen(f"{self.store_url}/?query={text}", timeout=10) as answer:
                return [orjson.loads(line) for line in answer.read().splitlines()]
        except HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from error
        except OSError:
            return []

    def wait_for_rows(
        self, query: str, count: int, seconds_max: float = 15.0
    ) -> list[dict[str, Any]]:
        """Return the rows of a query once there are at least `count`."""
        return (
            wait_until(
                lambda: len(rows := self.rows(query)) >= count and rows,
                seconds_max,
                f"{count} rows of {query}; output:\n{self.output}",
            )
            or []
        )

    def pids(self, module: str) -> list[int]:
        """Return the process ids of the supervisor's children that run `module`."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if _runs(int(child), module)]

    def _still_runs(self) -> bool:
        code = self.process.poll()
        assert code is None, f"heliograph run ended with {code}:\n{self.output}"
        return True


def _runs(pid: int, module: str) -> bool:
    try:
        return module in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
