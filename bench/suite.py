"""Runs scenarios one after the other and keeps what they show; the body of ``make bench``.

Each scenario is a process of its own (`python -m bench.scenario`), with a limit on its time: one
that hangs or fails is said to have failed, loses its line of the results, and the rest goes on.
`PLAN` shares out a quarter of an hour; a scenario that is not in it gets what is left for it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import records, scenario
from bench.bystanders import Bystanders
from bench.records import Record
from bench.samples import Run

LIMIT_TIMES = 4.0
LIMIT_SPARE_SECONDS = 120.0
END_SECONDS_MAX = 30.0
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Timing:
    """How a scenario is run in the full form, and how long that is thought to take."""

    seconds: float
    rounds: int
    takes_seconds: float


DEFAULT = Timing(2.0, 5, 60)
QUICK_TAKES_SECONDS = 12.0
# In the order they are run: what targets rest on first, as ratios in five rounds or more where the
# time is there. Times are those of two quiet cores of 2026-11-24.
PLAN = {
    "peers": Timing(0.7, 5, 180),
    "latency": Timing(0.8, 5, 85),
    "two-workers": Timing(1.0, 5, 20),
    "idle-connections": Timing(0.7, 5, 75),
    "store-outage": Timing(2.0, 5, 75),
    "kafka-outage": Timing(5.0, 1, 55),
    "shipper": Timing(1.5, 3, 85),
    "consumer-kafka": Timing(4.0, 2, 85),
    "consumer-journal": Timing(4.0, 3, 45),
    "soak": Timing(60.0, 1, 70),
    "hot-path": Timing(0.6, 1, 30),
    "unit-costs": Timing(1.0, 3, 50),
    "freshness": Timing(1.5, 1, 30),
    "catch-up": Timing(2.0, 1, 20),
    "worker-kill": Timing(1.5, 1, 8),
    "connection-storm": Timing(2.0, 1, 8),
    "slow-readers": Timing(1.5, 1, 12),
    "mixed-traffic": Timing(1.0, 1, 12),
    "load-generator": Timing(1.0, 1, 4),
}


class ScenarioError(Exception):
    """A scenario failed; the message is the end of what it said."""


@dataclass(frozen=True, slots=True)
class Order:
    """What of the suite is to run, and how."""

    form: str
    names: Sequence[str]
    seconds: float | None = None
    rounds: int | None = None

    @property
    def file(self) -> Path:
        """Return where the results go."""
        return records.file_of(self.form)


def in_order(names: Sequence[str]) -> list[str]:
    """Return names in the order of the plan; those it does not have come last."""
    planned = [name for name in PLAN if name in names]
    return planned + [name for name in names if name not in PLAN]


def run(order: Order, say: Callable[[str], None]) -> list[str]:
    """Run the scenarios, writing each result as it comes; return the names of those that failed."""
    described = Run.start(order.form)
    failed = []
    names = in_order(order.names)
    for number, name in enumerate(names):
        left = sum(_takes(order, other) for other in names[number:])
        say(f"[{number + 1}/{len(names)}] {name}: {_told(_takes(order, name))}, "
            f"all that is left {_told(left)}")  # fmt: skip
        began, others = time.monotonic(), Bystanders()
        try:
            result = _measure(order, name)
        except ScenarioError as error:
            failed.append(name)
            records.forget(order.file, name)
            say(f"      FAILED: {error}")
            continue
        took = time.monotonic() - began
        result = replace(result, notes=[*result.notes, *filter(None, [others.note()])])
        records.put(order.file, Record(described, took, result))
        say(f"      took {_told(took)}{'; SKIPPED: ' + result.skipped if result.skipped else ''}")
        for note in result.notes:
            say(f"      note: {note}")
    return failed


def _measure(order: Order, name: str) -> scenario.ScenarioResult:
    """Run one scenario in a process group of its own, and end all of it if it takes too long."""
    with subprocess.Popen(
        _command(order, name),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(
                timeout=_takes(order, name) * LIMIT_TIMES + LIMIT_SPARE_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ScenarioError("it took too long") from None
        finally:
            _end(process)
    if process.returncode:
        raise ScenarioError(_last(errors) or f"exit code {process.returncode}")
    return scenario.ScenarioResult.decode(json.loads(output.splitlines()[-1]))


def _end(process: "subprocess.Popen[str]") -> None:
    """End what is left of the scenario's process group: first asked, so that it tidies up."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS_MAX)
    with contextlib.suppress(ProcessLookupError):  # all of it ended by itself, as it should
        os.killpg(process.pid, signal.SIGKILL)


def _last(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    return "\n      ".join(lines[-6:])


def _command(order: Order, name: str) -> list[str]:
    timing = PLAN.get(name, DEFAULT)
    if order.form == "quick":
        flags = ["--quick"]
        given: dict[str, float | None] = {"--seconds": order.seconds, "--rounds": order.rounds}
    else:
        flags = []
        given = {
            "--seconds": order.seconds or timing.seconds,
            "--rounds": order.rounds or timing.rounds,
        }
    for flag, value in given.items():
        flags += [flag, str(value)] if value else []
    return [sys.executable, "-m", "bench.scenario", name, *flags]


def _takes(order: Order, name: str) -> float:
    """Return how long a scenario is thought to take."""
    if order.form == "quick":
        return QUICK_TAKES_SECONDS * (order.rounds or 1)
    timing = PLAN.get(name, DEFAULT)
    longer = (order.seconds or timing.seconds) * (order.rounds or timing.rounds)
    return timing.takes_seconds * max(longer / (timing.seconds * timing.rounds), 1)


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
