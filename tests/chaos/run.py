"""The chaos run: a load, faults by schedule, quiet, and the verdict. ``make chaos``.

    make chaos SEED=7 MINUTES=3 RUNS=10

The seed decides what goes wrong when; the machine decides what that meets. Prints what was
injected, how long each recovery took, the counts, and one JSON line; a failure prints the command
that repeats the schedule, and keeps the logs.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import SystemRandom

import orjson

from bench.samples import RESULTS, Run, Sample
from deploy.kafka.jars import KafkaUnavailable, classpath
from tests.chaos.barriers import NotHere
from tests.chaos.copies import Copies
from tests.chaos.faults import Action, FillDisk, make
from tests.chaos.janitor import Janitor
from tests.chaos.load import EVENT, Load, Outcome
from tests.chaos.schedule import COLLECTORS, GAPS, KINDS, Fault, schedule
from tests.chaos.system import System
from tests.chaos.trace import trace
from tests.chaos.verdict import Clients, Verdict, judge
from tests.chaos.watch import Watch

TICK_SECONDS = 0.02
RECOVERY_SECONDS_MAX = 60.0
QUIET_SECONDS_MAX = 90.0
# How long a broker's fault waits for the copies to be in sync after the one before.
CATCH_UP_SECONDS_MAX = 20.0
# Rows must not change for this long: a write that was repeated late would show.
STABLE_SECONDS = 3.0
THREADS = 3
PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Injected:
    """A fault as it was: times are seconds since the run's start."""

    fault: Fault
    begun: float
    ended: float = 0.0
    recovery_seconds: float | None = None
    skipped: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What one run found."""

    seed: int
    minutes: float
    verdict: Verdict
    injected: Sequence[Injected]
    outcomes: dict[str, int]
    lag_seconds_max: float
    quiet_seconds: float


class _Chaos:
    """Makes the faults of a schedule, lane by lane; called by one loop."""

    def __init__(self, system: System, copies: Copies, faults: Sequence[Fault]) -> None:
        self.injected: list[Injected] = []
        self.start = time.time()
        self._system = system
        self._copies = copies
        self._waiting = {
            lane: [fault for fault in faults if KINDS[fault.kind].lane == lane] for lane in GAPS
        }
        self._under_way: dict[str, tuple[Injected, Action]] = {}
        self._brokers_free_at = self.start

    @property
    def over(self) -> bool:
        """Whether every fault was made and has ended."""
        return not self._under_way and not any(self._waiting.values())

    def step(self) -> None:
        """End, keep up and begin what is due."""
        self._system.tend()
        for lane in GAPS:
            if lane in self._under_way:
                self._go_on(lane)
            elif self._waiting[lane] and self._waiting[lane][0].at <= self._now():
                self._begin(lane)

    def _now(self) -> float:
        return time.time() - self.start

    def _go_on(self, lane: str) -> None:
        one, action = self._under_way[lane]
        left = one.begun + one.fault.seconds - self._now()
        if left > 0:
            action.tick(left)
            return
        action.end()
        one.ended = self._now()
        one.lost = action.lost if isinstance(action, FillDisk) else 0
        del self._under_way[lane]
        if lane == "brokers":
            self._brokers_free_at = time.time()

    def _begin(self, lane: str) -> None:
        fault = self._waiting[lane][0]
        late = self._now() - fault.at
        skipped = ""
        if lane == "brokers" and not self._copies.in_sync(self._brokers_free_at):
            if late < CATCH_UP_SECONDS_MAX:
                return
            skipped = f"the copies were not in sync again within {CATCH_UP_SECONDS_MAX:g} s"
        self._waiting[lane].pop(0)
        one, action = Injected(fault, self._now()), make(self._system, fault)
        self.injected.append(one)
        if not skipped:
            try:
                action.begin()
            except NotHere as reason:
                skipped = str(reason)
        if skipped:
            one.skipped, one.ended = skipped, one.begun
        else:
            self._under_way[lane] = one, action


def chaos(folder: Path, seed: int, minutes: float, delivery: str = "exactly-once") -> Result:
    """Run once, in an empty folder; raises KafkaUnavailable, AssertionError."""
    classpath()
    with ExitStack() as stack:
        janitor = stack.enter_context(Janitor(folder))
        system = stack.enter_context(System(folder, janitor.chain, delivery))
        loads = [
            Load(f"c{i}", system.ports[i], threads=THREADS, pause_seconds=PAUSE_SECONDS)
            for i in range(COLLECTORS)
        ]
        with Watch(system) as watch, Copies(system.bootstrap) as copies:
            with ExitStack() as loading:
                for load in loads:
                    loading.enter_context(load)
                run = _Chaos(system, copies, schedule(seed, minutes * 60))
                while not run.over:
                    run.step()
                    time.sleep(TICK_SECONDS)
                _until_recovered(system, watch)
            for one in run.injected:
                at = watch.recovered_at(run.start + one.ended)
                one.recovery_seconds = None if at is None else at - run.start - one.ended
            clients = [_clients(load, i, run.injected) for i, load in enumerate(loads)]
            quiet_seconds = _until_quiet(system, clients)
            lag_seconds_max = watch.lag_seconds_max()
        rows = system.ask(f"SELECT event_id FROM hits WHERE event = '{EVENT}'")
        (dead_letters,) = system.ask("SELECT count() FROM dead_letters")
        outcomes = {
            outcome.name.lower(): sum(len(load.ids(outcome)) for load in loads)
            for outcome in Outcome
        }
        verdict = judge(clients, rows, int(dead_letters))
        if verdict.missing or verdict.twice:
            verdict = replace(verdict, faults=(*verdict.faults, *trace(system, verdict)))
        return Result(
            seed, minutes, verdict, run.injected, outcomes, lag_seconds_max, quiet_seconds
        )


def report(result: Result) -> str:
    """Return what a person reads of a run."""
    lines = ["     at  lasted  recovery  fault"]
    for one in result.injected:
        if one.skipped:
            lines.append(f"{one.begun:6.1f}s       -         -  {one.fault.name}: {one.skipped}")
            continue
        recovery = "never" if one.recovery_seconds is None else f"{one.recovery_seconds:.1f}s"
        lost = f" ({one.lost} hits counted as lost)" if one.lost else ""
        lasted = one.ended - one.begun
        lines.append(f"{one.begun:6.1f}s {lasted:6.1f}s  {recovery:>8}  {one.fault.name}{lost}")
    verdict = result.verdict
    lines.append(
        f"answered {verdict.answered} ({', '.join(f'{n} {k}' for k, n in result.outcomes.items())})"
        f", rows {verdict.rows}, missing {len(verdict.missing)}, twice {len(verdict.twice)}, "
        f"lost with a full disk {verdict.lost} (counted {verdict.lost_counted}); "
        f"a row came {result.lag_seconds_max:.1f} s late at most, quiet after "
        f"{result.quiet_seconds:.1f} s"
    )
    return "\n".join([*lines, *verdict.faults])


def repeat(seed: int, minutes: float) -> str:
    """Return the command that repeats a schedule."""
    return f"make chaos SEED={seed} MINUTES={minutes:g}"


def main() -> int:
    """Run as often as asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.chaos.run", description="Chaos, by a seed.")
    parser.add_argument("--seed", type=int, default=None, help="of the first run [by chance]")
    parser.add_argument("--minutes", type=float, default=3.0, help="of faults in a run [3]")
    parser.add_argument("--runs", type=int, default=1, help="the next ones count the seed up [1]")
    parser.add_argument(
        "--control", action="store_true",
        help="ship at least once: the run must find hits that are there twice",
    )  # fmt: skip
    given = parser.parse_args()
    if sys.platform != "linux":
        print("the chaos run needs Linux: it finds processes in /proc", file=sys.stderr)
        return 2
    delivery = "at-least-once" if given.control else "exactly-once"
    first = SystemRandom().randrange(1, 100_000) if given.seed is None else given.seed
    for seed in range(first, first + given.runs):
        print(f"chaos: seed {seed}, {given.minutes:g} minutes", flush=True)
        folder = Path(tempfile.mkdtemp(prefix="heliograph-chaos-"))
        try:
            result = chaos(folder, seed, given.minutes, delivery)
        except KafkaUnavailable as error:
            print(error, file=sys.stderr)
            return 2
        except BaseException:
            print(f"failed; logs in {folder}; again: {repeat(seed, given.minutes)}", flush=True)
            raise
        print(report(result))
        print(_json_line(result).decode(), flush=True)
        if result.verdict.faults:
            print(f"failed; logs in {folder}; again: {repeat(seed, given.minutes)}", flush=True)
            return 1
        shutil.rmtree(folder)
    return 0


def _until_recovered(system: System, watch: Watch) -> None:
    """Wait until hits answered from now on are rows, or too long."""
    end = time.time()
    while watch.recovered_at(end) is None and time.time() - end < RECOVERY_SECONDS_MAX:
        system.tend()
        time.sleep(TICK_SECONDS)


def _until_quiet(system: System, clients: Sequence[Clients]) -> float:
    """Wait until all rows that must come are there and none comes any more, or too long."""
    wanted = sum(len(one.kept) + len(one.answered) - one.lost_counted for one in clients)
    begun = changed = time.time()
    count = -1
    while time.time() - begun < QUIET_SECONDS_MAX:
        system.tend()
        time.sleep(0.1)
        try:
            now = int(system.ask(f"SELECT count() FROM hits WHERE event = '{EVENT}'")[0])
        except OSError:
            continue
        if now != count:
            count, changed = now, time.time()
        if count >= wanted and time.time() - changed > STABLE_SECONDS:
            break
    return changed - begun


def _clients(load: Load, number: int, injected: Sequence[Injected]) -> Clients:
    return Clients(
        kept=load.ids(Outcome.KEPT),
        answered=load.ids(Outcome.ANSWERED),
        refused=load.ids(Outcome.REFUSED),
        cut_off=load.ids(Outcome.CUT_OFF),
        lost_counted=sum(one.lost for one in injected if one.fault.target == number),
    )


def _json_line(result: Result) -> bytes:
    verdict = result.verdict
    recoveries = sorted(one.recovery_seconds or 0.0 for one in result.injected if not one.skipped)
    values = {
        "seed": result.seed,
        "minutes": result.minutes,
        "answered": verdict.answered,
        "rows": verdict.rows,
        "missing": len(verdict.missing),
        "twice": len(verdict.twice),
        "lost_counted": verdict.lost_counted,
        "faults": len(recoveries),
        "recovery_seconds_p50": round(recoveries[len(recoveries) // 2], 2) if recoveries else 0.0,
        "recovery_seconds_max": round(recoveries[-1], 2) if recoveries else 0.0,
        "lag_seconds_max": round(result.lag_seconds_max, 2),
        "holds": float(not verdict.faults),
    }
    for kind in KINDS:
        seen = [one.recovery_seconds or 0.0 for one in result.injected if one.fault.kind == kind]
        if seen:
            values[f"recovery_seconds_max of {kind}"] = round(max(seen), 2)
    line = orjson.dumps(asdict(Sample(Run.start("full"), "chaos", "heliograph", 0, values)))
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / "chaos.ndjson").open("ab") as file:
        file.write(line + b"\n")
    return line


if __name__ == "__main__":
    sys.exit(main())
