"""The contract between a supervisor and each process it starts.

- stdin: one line of JSON, the settings; then nothing. End of file means the supervisor is gone,
  and the child stops as if it had been sent SIGTERM: no process outlives a killed supervisor.
- stdout: status lines of JSON, at least one a second (`Status`). A supervisor that has heard
  nothing for `STATUS_SILENCE_SECONDS_MAX` holds the child to be stuck.
- stderr: log lines for people; the supervisor puts the child's name before each.
- SIGTERM: finish what was begun and exit 0. SIGINT is the supervisor's business and is ignored.
- SIGHUP: read again what is meant to be (`Child.on_hangup`); nothing for most.

Knows nothing of what a child does.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from schemas.errors import Explained
from schemas.metric_table import Snapshot
from schemas.pipes import read_pipe

STATUS_INTERVAL_SECONDS = 1.0
STATUS_SILENCE_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What a child says of itself: `problem` is empty when it can do its job.

    `note` is for people: what is wrong though the job goes on.
    """

    problem: str = ""
    metrics: Snapshot = field(default_factory=dict)
    note: str = ""

    def encode(self) -> bytes:
        """Return the status as one line."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Status":
        """Read a line written by `encode`; raises ValueError for anything else."""
        content = orjson.loads(line)
        if not isinstance(content, dict) or set(content) != {"problem", "metrics", "note"}:
            raise ValueError(f"no status: {line[:80]!r}")
        return cls(**content)


class Child:
    """A supervised process seen from inside."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        # Called on SIGHUP.
        self.on_hangup: Callable[[], None] = lambda: None
        # The rest of a status that the pipe had no room for.
        self._unwritten = b""

    def report(self, status: Status) -> None:
        """Write a status line; never waits for a supervisor that reads none, or is gone."""
        output = sys.stdout.fileno()
        os.set_blocking(output, False)
        line = self._unwritten or status.encode()
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            self._unwritten = line[os.write(output, line) :]

    async def watch(self) -> None:
        """Set `stop` on SIGTERM or when the supervisor is gone; pass on SIGHUP."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self.on_hangup())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        reader, _ = await read_pipe(sys.stdin.fileno())
        await reader.read()
        self.stop.set()


def run_child(main: Callable[[Child, dict[str, Any]], Awaitable[None]]) -> None:
    """Run `main(child, settings)` in uvloop under the contract; exit 1 if it raises."""
    import uvloop

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    settings = orjson.loads(sys.stdin.buffer.readline())

    async def body() -> None:
        child = Child()
        watcher = asyncio.create_task(child.watch())
        await asyncio.sleep(0)  # a child that has reported anything obeys SIGTERM
        try:
            await main(child, settings)
        finally:
            watcher.cancel()

    try:
        uvloop.run(body())
    except Explained as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.exception("stopped by an error")
        sys.exit(1)
