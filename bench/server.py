"""A server under test: started on one core, watched, stopped.

It runs as any operator would run it: a command with an environment, its output in a file. What it
is comes from `bench.peers`. Knows nothing of load.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import pixel, processes

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
RETRY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Launch:
    """How a peer is started."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class ServerError(Exception):
    """A server did not start or did not stop; the message has the end of its output."""


class Server:
    """A running server."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        log: Path,
        answers: Callable[[int], bool] = pixel.answers,
        command: Sequence[str] = (),
    ) -> None:
        self.process = process
        self.command = command
        self.port = port
        self.log = log
        self._answers = answers

    @property
    def pids(self) -> tuple[int, ...]:
        """Return its processes: supervisors and workers alike."""
        return tuple(processes.tree(self.process.pid))

    def rss_bytes(self) -> int:
        """Return the memory all of it holds."""
        return processes.rss_bytes(self.pids)

    def wait_until_answering(self) -> None:
        """Block until it answers on its port; raises ServerError if that does not come.

        Only then are all its processes there: nginx listens before its worker exists.
        """
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._answers(self.port):
            self.wait()
            if time.monotonic() > deadline:
                raise ServerError(f"did not start: {self._last_output()}")

    def wait(self, seconds: float = RETRY_SECONDS) -> None:
        """Let time pass; raises ServerError if the server ends meanwhile."""
        if self._has_ended_within(seconds):
            raise ServerError(f"ended: {self._last_output()}")

    def stop(self) -> None:
        """Ask it to stop and wait; kill it, and raise ServerError, if it does not."""
        self.process.terminate()
        if not self._has_ended_within(STOP_SECONDS_MAX):
            self.process.kill()
            self.process.wait()
            raise ServerError(f"did not stop in {STOP_SECONDS_MAX} s: {self._last_output()}")

    def _has_ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_output(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]


@contextmanager
def running(
    launch: Launch,
    port: int,
    core: int | Sequence[int],
    log: Path,
    answers: Callable[[int], bool] = pixel.answers,
) -> Iterator[Server]:
    """Start a server on its cores; it answers on `port` once this yields, and is gone after."""
    cores = [core] if isinstance(core, int) else core
    with log.open("ab") as output, processes.pinned(*cores):
        process = subprocess.Popen(
            launch.command,
            env=os.environ | launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    server = Server(process, port, log, answers, launch.command)
    try:
        server.wait_until_answering()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
