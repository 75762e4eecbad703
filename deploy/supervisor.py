"""Starts processes, restarts those that die, passes on their logs, and stops them in order.

Each child is one of `schemas.child`. Children are grouped: groups start one after another, and
stop in the reverse order, so that what takes in hits stops first. Knows nothing of what a child
does.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.child import STATUS_SILENCE_SECONDS_MAX, Status
from schemas.metric_table import Metric, Snapshot, counted_together

RESTART_SECONDS_MIN = 0.2
RESTART_SECONDS_MAX = 15.0
# A child that lived this long starts over with the shortest wait.
HEALTHY_SECONDS = 30.0
LOG_LINE_BYTES_MAX = 1024 * 1024
LAST_WORDS_SECONDS_MAX = 2.0

log = logging.getLogger("supervisor")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to run one child: `module` is run with ``python -m``, `settings` go to its stdin."""

    name: str
    module: str
    settings: dict[str, Any]
    metrics: Sequence[Metric]
    stop_seconds_max: float = 10.0


@dataclass(slots=True)
class ChildState:
    """What is known of a running child, and what its earlier lives had counted."""

    spec: ChildSpec
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    status: Status | None = None
    status_at: float = 0.0
    restarts: int = 0
    earlier: Snapshot = field(default_factory=dict)

    def problem(self, now: float) -> str:
        """Say why the child can't do its job now; empty if it can."""
        if self.process is None:
            return "not running"
        if self.status is None:
            return "starting"
        if now - self.status_at > STATUS_SILENCE_SECONDS_MAX:
            return f"silent for {now - self.status_at:.0f} s"
        return self.status.problem

    @property
    def note(self) -> str:
        """Say what is wrong though the child does its job; empty if nothing is."""
        return self.status.note if self.status is not None else ""


class Supervisor:
    """Runs groups of children until it is told to stop."""

    def __init__(
        self,
        groups: Sequence[Sequence[ChildSpec]],
        *,
        stop_delay_seconds: float = 0.0,
        write_log: Callable[[str, str], None],
        on_hangup: Callable[[], None] = lambda: None,
    ) -> None:
        self.groups = [[ChildState(spec) for spec in group] for group in groups]
        self._stop_delay_seconds = stop_delay_seconds
        self._write_log = write_log
        # Called on SIGHUP, before the children get it.
        self._on_hangup = on_hangup
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    @property
    def children(self) -> list[ChildState]:
        """All children, in the order they start."""
        return [child for group in self.groups for child in group]

    @property
    def stopping(self) -> bool:
        """Tell whether the end was ordered."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Order the end; a second order kills what is left."""
        if self._stop.is_set():
            log.warning("killing what is left")
            for child in self.children:
                _signal(child, signal.SIGKILL)
        self._stop.set()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start all groups, call `on_ready` when all children are, and stay until the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on_hangup)
        starting = asyncio.create_task(self._start(on_ready))
        await self._stop.wait()
        starting.cancel()
        if self._stop_delay_seconds:
            log.info("not ready; stopping in %g s", self._stop_delay_seconds)
            await asyncio.sleep(self._stop_delay_seconds)
        for group in reversed(self.groups):
            await asyncio.gather(*(self._end(child) for child in group))
        if self._tasks:
            # They end with their children; what these said last is still to be read.
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_SECONDS_MAX)
        for task in self._tasks:
            task.cancel()

    async def _start(self, on_ready: Callable[[], None]) -> None:
        for group in self.groups:
            for child in group:
                self._tasks.append(asyncio.create_task(self._keep_running(child)))
            await self._until_ready(group)
        on_ready()

    async def _until_ready(self, group: Sequence[ChildState]) -> None:
        loop = asyncio.get_running_loop()
        while any(child.problem(loop.time()) for child in group):
            self._changed.clear()
            await self._changed.wait()

    async def _keep_running(self, child: ChildState) -> None:
        loop = asyncio.get_running_loop()
        wait = RESTART_SECONDS_MIN
        while not self._stop.is_set():
            child.started_at = loop.time()
            code = await self._run_once(child)
            if self._stop.is_set():
                return
            if loop.time() - child.started_at > HEALTHY_SECONDS:
                wait = RESTART_SECONDS_MIN
            log.error("%s ended with %s; starting again in %g s", child.spec.name, code, wait)
            child.restarts += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stop.wait()
            wait = min(wait * 2, RESTART_SECONDS_MAX)

    async def _run_once(self, child: ChildState) -> str:
        """Run the child until it ends; return how it ended, for the log."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", child.spec.module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, limit=LOG_LINE_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        child.process = process
        # stdin stays open: its end tells the child that the supervisor is gone.
        process.stdin.write(orjson.dumps(child.spec.settings) + b"\n")
        await asyncio.gather(self._read_statuses(child, process), self._read_logs(child, process))
        code = await process.wait()
        process.stdin.close()
        child.process = None
        if child.status is not None:
            child.earlier = counted_together(
                child.spec.metrics, child.earlier, child.status.metrics
            )
            child.status = None
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def _read_statuses(self, child: ChildState, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            try:
                child.status = Status.decode(line)
            except ValueError:
                # Something in the child prints: for people, then.
                self._write_log(child.spec.name, line.decode(errors="replace").rstrip())
                continue
            child.status_at = asyncio.get_running_loop().time()
            self._changed.set()

    async def _read_logs(self, child: ChildState, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in _lines(process.stderr):
            self._write_log(child.spec.name, line.decode(errors="replace").rstrip())

    async def _end(self, child: ChildState) -> None:
        process = child.process
        if process is None:
            return
        _signal(child, signal.SIGTERM)
        try:
            async with asyncio.timeout(child.spec.stop_seconds_max):
                await process.wait()
        except TimeoutError:
            log.error("%s did not stop in %g s", child.spec.name, child.spec.stop_seconds_max)
            _signal(child, signal.SIGKILL)
            await process.wait()

    def _pass_on_hangup(self) -> None:
        self._on_hangup()
        for child in self.children:
            _signal(child, signal.SIGHUP)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines until the end; one that is longer than the limit is cut."""
    while True:
        try:
            line = await stream.readuntil()
        except asyncio.IncompleteReadError as end:
            line = end.partial
        except asyncio.LimitOverrunError as overrun:
            line = await stream.read(overrun.consumed)
        if not line:
            return
        yield line


def _signal(child: ChildState, number: signal.Signals) -> None:
    if child.process is not None and child.process.returncode is None:
        # Dead already, and not yet told to the event loop.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.process.pid, number)
