"""What holds a worker up under load: garbage collections, its tick, the journal, and the machine.

A worker runs in a process of its own with a clock around what may be long. The kernel says how long
the process was ready to run and did not (``/proc/PID/schedstat``): that is the machine's, not ours.
Its clocks cost a few percent, so costs are not taken from here.
"""

import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import pixel, processes
from bench.rig import SERVER_CORE, put
from bench.scenario import ScenarioOptions
from bench.server import Server, free_port
from bench.visitors import secret_file
from collector.group_commit import GroupCommit
from collector.guarded_journal import GuardedJournal
from collector.settings import CollectorSettings
from collector.worker import Worker
from schemas.child import Child, run_child
from schemas.journal.settings import JournalSettings

RATE_PER_SECOND = 20_000


class Timed:
    """Longest and total time of each thing watched, and how often it was."""

    def __init__(self) -> None:
        self.us: dict[str, list[float]] = {}

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Put a clock around a method of a class."""
        inner = getattr(owner, method)

        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter_ns()
            try:
                return inner(*arguments)
            finally:
                self.add(name, time.perf_counter_ns() - begun)

        setattr(owner, method, timed)

    def watch_garbage(self) -> None:
        """Time every collection while requests are served."""
        begun = 0

        def seen(phase: str, facts: dict[str, int]) -> None:
            nonlocal begun
            if phase == "start":
                begun = time.perf_counter_ns()
            elif "flush" in self.us:
                self.add(f"gc_{facts['generation']}", time.perf_counter_ns() - begun)

        gc.callbacks.append(seen)

    def add(self, name: str, took_ns: int) -> None:
        """Note one."""
        self.us.setdefault(name, []).append(took_ns / 1e3)

    def figures(self) -> dict[str, float]:
        """Return count, longest and total of each."""
        found: dict[str, float] = {}
        for name, seen in self.us.items():
            found[f"pause_{name}_count"] = len(seen)
            found[f"pause_{name}_max_us"] = max(seen)
            found[f"pause_{name}_sum_ms"] = sum(seen) / 1e3
        return found


def measure(options: ScenarioOptions) -> dict[str, list[float]]:
    """Return the figures of one worker at a fixed rate."""
    folder, port = options.folder / "pauses", free_port()
    folder.mkdir()
    output = folder / "timed.json"
    settings = {"port": port, "secret_file": str(secret_file(folder)), "host": "127.0.0.1"}
    order = {"collector": settings, "journal": {"path": str(folder)}, "output": str(output)}
    with processes.pinned(SERVER_CORE), (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.budget_pauses"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    server = Server(process, port, folder / "output.log", pixel.answers)
    try:
        server.wait_until_answering()
        waited = _waited_us(process.pid)
        seconds = options.seconds * 3
        outcome = put(server, seconds, rate_per_second=RATE_PER_SECOND)
        found = {
            "pause_unscheduled_ms_per_s": (_waited_us(process.pid) - waited) / 1e3 / seconds,
            "pause_latency_p99_ms": outcome.corrected.percentile(99) / 1e6,
            "pause_latency_p99_9_ms": outcome.corrected.percentile(99.9) / 1e6,
        }
    finally:
        server.stop()
        process.stdin.close()
    found |= json.loads(output.read_text())
    return {name: [value] for name, value in found.items()}


def _waited_us(pid: int) -> float:
    """Return how long a process was ready and waited for its core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e3


async def _main(child: Child, order: dict[str, Any]) -> None:
    timed = Timed()
    watched: tuple[tuple[Any, str, str], ...] = (
        (Worker, "_tick", "tick"),
        (GroupCommit, "flush", "flush"),
        (GuardedJournal, "append", "journal"),
    )
    for owner, method, name in watched:
        timed.watch(owner, method, name)
    timed.watch_garbage()
    worker = Worker(
        "w0",
        CollectorSettings.model_validate(order["collector"]),
        JournalSettings.model_validate(order["journal"]),
        child,
    )
    await worker.run()
    Path(order["output"]).write_text(json.dumps(timed.figures()))


if __name__ == "__main__":
    run_child(_main)
