"""Where the time of a hit goes, ``make bench-budget``: by stage, in the kernel, in the collector.

- stages in process, of the real functions: least microseconds of many turns, and instructions by
  valgrind's callgrind, which other work on the machine does not change;
- the whole process under load: user and system time, beside nginx and the floor (uvloop that
  answers without looking): what is left is what Python adds;
- pauses of the garbage collector and the longest turns under load, by cause.

The result is ``bench/results/published/budget.ndjson``, from which docs/hot-path.md has its tables;
``--page`` renders them again.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import budget_page, budget_pauses
from bench.budget_stages import best_us
from bench.budget_stages import stages as all_stages
from bench.rig import OURS, all_started, put
from bench.samples import PUBLISHED, Run
from bench.scenario import ScenarioOptions, ScenarioResult

FILE = PUBLISHED / "budget.ndjson"
PEERS = (OURS, "nginx", "floor")
REPEATS, QUICK_REPEATS = 4_000, 100
_TOTALS = re.compile(r"^totals: (\d+)$", re.M)


def measure(options: ScenarioOptions) -> ScenarioResult:
    """Measure everything once; figures are named `walk_stage_unit` and `peer.walk_unit`."""
    figures: dict[str, list[float]] = {}
    notes = []
    with all_stages() as found:
        names = [f"{stage.walk}_{stage.name}" for stage in found]
        hits = [stage.hits for stage in found]
        for name, stage in zip(names, found, strict=True):
            repeats = QUICK_REPEATS if options.quick else REPEATS
            figures[f"{name}_us"] = [best_us(stage, repeats)]
    counts = _instructions(options.folder)
    if counts is None:
        notes.append("No instructions: valgrind is not installed (apt-get install valgrind).")
    else:
        for name, count, of in zip(names, counts, hits, strict=True):
            figures[f"{name}_instructions"] = [count / of]
    notes += _add_processes(figures, options)
    figures |= budget_pauses.measure(options)
    return ScenarioResult("budget", figures, notes=notes)


def _add_processes(figures: dict[str, list[float]], options: ScenarioOptions) -> list[str]:
    """Measure whole processes under load; return what has to be said of it."""
    with all_started(PEERS, options.folder) as (servers, notes):
        for _ in range(options.rounds):
            for walk, keep_alive in (("known", True), ("alone", False)):
                for peer, server in servers.items():
                    before = _user_and_system(server.pids)
                    cost = put(server, options.seconds, keep_alive=keep_alive).cpu_us_per_request
                    user, system = map(int.__sub__, _user_and_system(server.pids), before)
                    of_kernel = cost * system / (user + system or 1)
                    for unit, value in (
                        ("cpu_us", cost),
                        ("user_us", cost - of_kernel),
                        ("system_us", of_kernel),
                    ):
                        figures.setdefault(f"{peer}.{walk}_{unit}", []).append(value)
    return notes


def _instructions(folder: Path) -> list[int] | None:
    """Return what each stage executed, in their order; None without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    output = folder / "callgrind"
    command = [valgrind, "--tool=callgrind", "--dump-before=getppid"]
    program = [sys.executable, "-m", "bench.budget_stages"]
    subprocess.run(
        [*command, f"--callgrind-out-file={output}", *program], check=True, capture_output=True
    )
    # The first dump is all that came before the first mark.
    dumps = sorted(folder.glob("callgrind.*"), key=lambda path: int(path.suffix[1:]))[1:]
    return [int(_TOTALS.findall(dump.read_text())[-1]) for dump in dumps]


def _user_and_system(pids: Sequence[int]) -> tuple[int, int]:
    """Return the ticks the processes spent in user and in system mode."""
    user = system = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user, system


def read() -> dict[str, Any]:
    """Return the last result, with the run it came from."""
    kept: dict[str, Any] = json.loads(FILE.read_text())
    return kept


def main() -> int:
    """Measure, keep and print; ``--page`` only renders the page of what was kept."""
    parser = argparse.ArgumentParser(prog="bench.budget", description="Where a hit's time goes.")
    parser.add_argument("--quick", action="store_true", help="to see that it works")
    parser.add_argument("--page", action="store_true", help="render docs/hot-path.md's tables only")
    given = parser.parse_args()
    if not given.page:
        run = Run.start("quick" if given.quick else "full")
        with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder:
            seconds, rounds = (0.5, 1) if given.quick else (2.0, 5)
            options = ScenarioOptions(seconds, given.quick, rounds, Path(folder))
            result = measure(options)
        if given.quick:
            print(budget_page.tables({"run": asdict(run), "result": result.encode()}))
            return 0
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(
            json.dumps({"run": asdict(run), "result": result.encode()}, indent=1) + "\n"
        )
    budget_page.publish(read())
    print(budget_page.tables(read()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
