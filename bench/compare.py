"""Is this tree faster than another revision? ``make bench-compare BASE=<revision>``.

Both run on the same core, in turns A B B A A B ..., so that what the machine does meanwhile falls
on both alike, also when it drifts. Each pair gives a ratio; their mean and its confidence interval
say whether a difference is real. The other revision is a git worktree in .cache, with an
environment of its own if it wants other versions of libraries.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, stdev

from bench import pump, rig
from bench.answers import BadAnswerError
from bench.drive import FailedRunError
from bench.peers import heliograph
from bench.server import Launch, Server, ServerError, free_port, running

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "compare"
LOCKED = Path("requirements") / "run.txt"
PUMP_HITS = 300_000
_MAIN = "import sys; from deploy.cli import main; sys.exit(main())"
# Student's t, two-sided 95 %, by degrees of freedom from 1; from the last on it is the normal one.
T_95 = (
    *(12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23),
    *(2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09),
)
T_MANY = 2.08


@dataclass(frozen=True, slots=True)
class Tree:
    """A revision on disk, and the Python that has its libraries."""

    name: str
    folder: Path
    python: Path

    def launch(self, like: Launch) -> Launch:
        """Return the same command of this tree."""
        environment = {"PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1"}
        command = [str(self.python), "-c", _MAIN, *like.command[1:]]
        return Launch(command, like.environment | environment)


@dataclass(frozen=True, slots=True)
class Interval:
    """The mean ratio, and what it lies between with a confidence of 95 %."""

    mean: float
    low: float
    high: float

    @property
    def is_real(self) -> bool:
        """Tell whether 1, no difference, is outside."""
        return not self.low <= 1 <= self.high


def interval(ratios: Sequence[float]) -> Interval:
    """Return the interval of ratios, each from one pair of runs; at least two are needed."""
    logs = [log(ratio) for ratio in ratios]
    freedom = len(logs) - 1
    t = T_95[freedom - 1] if freedom <= len(T_95) else T_MANY
    half = t * stdev(logs) / sqrt(len(logs))
    return Interval(exp(fmean(logs)), exp(fmean(logs) - half), exp(fmean(logs) + half))


def verdict(what: str, base: str, seen: Interval) -> str:
    """Return the one sentence that is asked for; a ratio is this tree's value over the base's."""
    low, high = (f"{(end - 1) * 100:+.1f} %" for end in (seen.low, seen.high))
    if seen.is_real:
        change = f"{abs(seen.mean - 1) * 100:.1f} % {'more' if seen.mean > 1 else 'less'}"
        return (
            f"The difference is real: this tree has {change} {what} than {base} "
            f"(95 % confidence: {low} to {high})."
        )
    return (
        f"No difference is seen: this tree's {what} is {low} to {high} of {base}'s "
        f"(95 % confidence); less than that can't be told apart with so few rounds."
    )


def order(rounds: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of turns, the one that begins changing: A B, B A, A B, ..."""
    for number in range(rounds):
        yield (0, 1) if number % 2 == 0 else (1, 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, printing each pair; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.compare", description="Two revisions in turns.")
    parser.add_argument("base", help="the other revision, as git names it")
    parser.add_argument("--what", choices=tuple(WAYS), default="hot", help="what to compare [hot]")
    parser.add_argument("--rounds", type=int, help="pairs of turns, at least 2")
    parser.add_argument("--seconds", type=float, default=1.5, help="of a turn [1.5]")
    given = parser.parse_args(arguments)
    way = WAYS[given.what]
    rounds = max(given.rounds or way.rounds, 2)
    try:
        trees = (Tree("this tree", ROOT, Path(sys.executable)), _checked_out(given.base))
        ratios = []
        with (
            tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder,
            ExitStack() as stack,
        ):
            turns = [way.turn(stack, tree, Path(folder), given.seconds) for tree in trees]
            for number, pair in enumerate(order(rounds)):
                seen = {at: turns[at]() for at in pair}
                ratios.append(seen[0] / seen[1])
                print(
                    f"{number + 1:3}/{rounds}  this tree {seen[0]:12,.1f}  "
                    f"{trees[1].name} {seen[1]:12,.1f}  ratio {ratios[-1]:.3f}",
                    flush=True,
                )
    except (FailedRunError, ServerError, BadAnswerError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"{given.base} can't be had: {error.stderr or error}", file=sys.stderr)
        return 2
    print(verdict(way.what, trees[1].name, interval(ratios)))
    return 0


def _checked_out(base: str) -> Tree:
    """Return the revision in a worktree, made if it is not there."""
    revision = _output("git", "rev-parse", "--verify", "--short=10", f"{base}^{{commit}}")
    folder = CACHE / revision
    if not (folder / LOCKED).exists():
        _output("git", "worktree", "prune")
        _output("git", "worktree", "add", "--force", "--detach", str(folder), revision)
    if (folder / LOCKED).read_bytes() == (ROOT / LOCKED).read_bytes():
        return Tree(revision, folder, Path(sys.executable))
    python = folder / ".venv" / "bin" / "python"
    if not python.exists():
        print(f"{revision} has other requirements: making an environment for it", flush=True)
        _output(sys.executable, "-m", "venv", str(folder / ".venv"))
        pip = (str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r")
        _output(*pip, str(folder / LOCKED))
    return Tree(revision, folder, python)


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


Turn = Callable[[], float]


@contextmanager
def _collector(tree: Tree, folder: Path) -> Iterator[Server]:
    own = folder / tree.name.replace(" ", "-")
    own.mkdir()
    port = free_port()
    launch = tree.launch(heliograph.launch(own, port))
    with running(launch, port, rig.SERVER_CORE, own / "output.log") as server:
        yield server


def _throughput(*, keep_alive: bool) -> Callable[[ExitStack, Tree, Path, float], Turn]:
    def make(stack: ExitStack, tree: Tree, folder: Path, seconds: float) -> Turn:
        server = stack.enter_context(_collector(tree, folder))
        return lambda: rig.put(server, seconds, keep_alive=keep_alive).cpu_us_per_request

    return make


def _latency(stack: ExitStack, tree: Tree, folder: Path, seconds: float) -> Turn:
    server = stack.enter_context(_collector(tree, folder))
    rate = rig.put(server, seconds).requests_per_second / 2
    return lambda: rig.put(server, seconds, rate_per_second=rate).corrected.percentile(99) / 1e3


def _pump(_: ExitStack, tree: Tree, folder: Path, __: float) -> Turn:
    def turn() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            own, port = Path(temporary), free_port()
            pump.write_journal(own / "journal" / "w0", PUMP_HITS)
            store = tree.launch(heliograph.store(own, port))
            consumer = tree.launch(heliograph.consumer(own, port))
            with (
                running(store, port, pump.STORE_CORE, own / "store.log", pump.pings) as stored,
                running(
                    consumer, port, pump.CONSUMER_CORE, own / "log", pump.has_table
                ) as consumed,
            ):
                return 1e6 / pump.drain(consumed, stored, PUMP_HITS)["hits_per_cpu_second"]

    return turn


@dataclass(frozen=True, slots=True)
class Way:
    """One thing to compare: its name in the verdict, how to take a turn, how often."""

    what: str
    turn: Callable[[ExitStack, Tree, Path, float], Turn]
    rounds: int


WAYS = {
    "hot": Way("CPU time per pixel, keep-alive,", _throughput(keep_alive=True), 12),
    "short": Way("CPU time per pixel, one a connection,", _throughput(keep_alive=False), 12),
    "latency": Way("p99 at half of its saturation", _latency, 12),
    "pump": Way("CPU time per hit, consumer and store,", _pump, 6),
}


if __name__ == "__main__":
    sys.exit(main())
