"""The supervisor with children that misbehave: restarts, logs, order, and the end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deploy.supervisor import ChildSpec, Supervisor
from schemas.child import Child, Status
from schemas.metric_table import Metric

ROWS = (Metric("unruly_total", "counter", "Nothing.", "Nothing."),)


def spec(name: str, stop_seconds_max: float = 10, **settings: Any) -> ChildSpec:
    return ChildSpec(
        name, "tests.support.unruly_child", {"name": name, **settings}, ROWS, stop_seconds_max
    )


class Run:
    """A running supervisor and what it wrote."""

    def __init__(self, *groups: list[ChildSpec]) -> None:
        self.written: list[tuple[str, str]] = []
        self.ready = False
        self.hangups = 0
        self.supervisor = Supervisor(
            groups,
            write_log=lambda name, line: self.written.append((name, line)),
            on_hangup=self.hang_up,
        )

    def hang_up(self) -> None:
        self.hangups += 1

    def be_ready(self) -> None:
        self.ready = True

    def said(self, text: str) -> bool:
        return any(text in line for _, line in self.written)

    async def until(self, condition: Callable[[], object], seconds_max: float = 15) -> None:
        async with asyncio.timeout(seconds_max):
            while not condition():  # noqa: ASYNC110 - no event tells of every condition
                await asyncio.sleep(0.01)

    @property
    def pids(self) -> list[int]:
        return [c.process.pid for c in self.supervisor.children if c.process is not None]


@asynccontextmanager
async def running(*groups: list[ChildSpec]) -> AsyncIterator[Run]:
    run = Run(*groups)
    task = asyncio.create_task(run.supervisor.run(run.be_ready))
    try:
        yield run
        if not run.supervisor.stopping:
            run.supervisor.stop()
        async with asyncio.timeout(20):
            await task
        assert not any(alive(pid) for pid in run.pids)
    finally:
        for pid in run.pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        task.cancel()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_groups_start_one_after_another_and_stop_the_other_way_round() -> None:
    async with running([spec("store")], [spec("collector.w0"), spec("collector.w1")]) as run:
        await run.until(lambda: run.ready)
    ends = [name for name, line in run.written if "last words" in line]
    assert sorted(ends[:2]) == ["collector.w0", "collector.w1"]
    assert ends[2:] == ["store"]


async def test_a_group_waits_for_the_one_before_it() -> None:
    async with running([spec("store", problem="not yet")], [spec("collector.w0")]) as run:
        await run.until(lambda: run.supervisor.children[0].status)
        assert run.supervisor.children[1].process is None
        assert not run.ready


async def test_a_killed_child_is_started_again_and_its_counters_do_not_fall() -> None:
    async with running([spec("one")]) as run:
        child = run.supervisor.children[0]
        await run.until(lambda: run.ready)
        (pid,) = run.pids
        os.kill(pid, signal.SIGKILL)
        await run.until(lambda: run.pids and run.pids != [pid] and child.status)
        assert child.restarts == 1
        assert child.earlier == {"unruly_total": 5}
        assert child.problem(asyncio.get_running_loop().time()) == ""


async def test_a_hangup_is_passed_on_and_ends_nobody() -> None:
    async with running([spec("one")]) as run:
        (child,) = run.supervisor.children
        await run.until(lambda: run.ready)
        pids = run.pids
        assert child.note == ""
        os.kill(os.getpid(), signal.SIGHUP)
        await run.until(lambda: child.note == "hung up")
        assert (run.hangups, run.pids) == (1, pids)


async def test_a_child_that_ends_by_itself_is_started_again_later_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running([spec("one", exit=3)]) as run:
        await run.until(lambda: run.supervisor.children[0].restarts == 3)
    told = [r.getMessage() for r in caplog.records if "exit code 3" in r.getMessage()]
    assert [line.rpartition(" in ")[2] for line in told[:3]] == ["0.2 s", "0.4 s", "0.8 s"]


async def test_what_a_child_says_bears_its_name() -> None:
    async with running([spec("one", say=["hello", "a\nb"]), spec("two")]) as run:
        await run.until(lambda: run.ready and run.said("hello") and run.said("b"))
    assert ("one", "INFO hello") in run.written
    assert {name for name, _ in run.written} == {"one", "two"}


async def test_output_against_the_contract_harms_nobody() -> None:
    """A line on stdout that is no status and a log line without an end are not the end."""
    async with running([spec("one", garbage=True, say=["after all"])]) as run:
        await run.until(lambda: run.ready and run.said("after all"))
        assert run.supervisor.children[0].restarts == 0


async def test_a_deaf_child_is_killed_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    async with running([spec("one", stop_seconds_max=0.3, deaf=True)]) as run:
        await run.until(lambda: run.ready)
    assert "one did not stop in 0.3 s" in caplog.text


async def test_a_second_order_to_stop_kills() -> None:
    async with running([spec("one", stop_seconds_max=60, deaf=True)]) as run:
        await run.until(lambda: run.ready)
        run.supervisor.stop()
        run.supervisor.stop()


async def test_a_stop_while_a_child_waits_for_its_restart() -> None:
    async with running([spec("one", exit=1)]) as run:
        await run.until(lambda: run.supervisor.children[0].restarts == 2)


async def test_a_silent_child_is_told_of() -> None:
    async with running([spec("one")]) as run:
        await run.until(lambda: run.ready)
        child = run.supervisor.children[0]
        now = asyncio.get_running_loop().time()
        assert child.problem(now) == ""
        assert child.problem(now + 60).startswith("silent for ")


def test_a_status_that_nobody_reads_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that stands still (Ctrl-S in its terminal) must not stop the pixel."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        child = Child()
        for _ in range(300):
            child.report(Status("x" * 1000))
    with os.fdopen(read_end, "rb") as seen:
        lines = seen.read().splitlines()
    assert 0 < len(lines) < 300
    assert all(Status.decode(line) for line in lines)
