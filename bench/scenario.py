"""What a scenario of the bench is told and what it says back, and the list of all scenarios.

A scenario is a module of `bench/scenarios/` with `NAME`, `ABOUT` (one sentence) and
``run(ScenarioOptions) -> ScenarioResult``. A result is plain JSON: `python -m bench.scenario NAME`
prints it as one line. What is missing on a machine (a broker, a Go toolchain) is said in `skipped`
or in `notes`, and never stands as a number. Knows nothing of targets, tables or pictures.
"""

import argparse
import json
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from bench import scenarios

SECONDS = 5.0
QUICK_SECONDS = 0.5
Figure = float | Sequence[float]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class ScenarioOptions:
    """How a scenario is to run."""

    seconds: float
    """How long a measured phase lasts; what has a natural length of its own says so."""
    quick: bool
    """A few seconds in all, to see that it works; its figures are no measurement."""
    rounds: int
    """How often everything is repeated; a figure is then a list, one value a round."""
    folder: Path
    """For what is needed only while it runs; the caller deletes it."""


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What was seen."""

    name: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """By `peer.what_unit` (`nginx.p99_us`) or, of Heliograph alone, `what_unit`; lists by round."""
    series: Mapping[str, Points] = field(default_factory=dict)
    """Lines of a picture: a label with its units (`p99 (ms) over time (s)`) to points (x, y)."""
    notes: Sequence[str] = ()
    """Sentences a reader needs: what was not there, what a figure does not say."""
    skipped: str = ""
    """Why nothing was measured; empty if something was."""

    def encode(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    @classmethod
    def decode(cls, encoded: Mapping[str, Any]) -> "ScenarioResult":
        """Read what `encode` returned, before or after JSON."""
        series = {
            label: [(float(x), float(y)) for x, y in points]
            for label, points in encoded["series"].items()
        }
        return cls(**{**encoded, "series": series})


class Scenario(Protocol):
    """A module of `bench/scenarios/`; one whose phases are not 5 s long has `SECONDS` too."""

    NAME: str
    ABOUT: str

    def run(self, options: ScenarioOptions) -> ScenarioResult:
        """Measure."""


def names() -> list[str]:
    """Return the names of all scenarios, in the order of the alphabet."""
    modules = (module.name for module in pkgutil.iter_modules(scenarios.__path__))
    return sorted(module.replace("_", "-") for module in modules)


def by_name(name: str) -> Scenario:
    """Return a scenario; raises KeyError if there is none of that name."""
    if name not in names():
        raise KeyError(f"no scenario {name!r}; there are: {', '.join(names())}")
    return cast("Scenario", import_module(f"bench.scenarios.{name.replace('-', '_')}"))


def seconds_of(scenario: Scenario, *, quick: bool) -> float:
    """Return how long a phase of a scenario lasts if nobody says."""
    whole: float = getattr(scenario, "SECONDS", SECONDS)
    return QUICK_SECONDS if quick else whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one scenario and print its result as a line of JSON."""
    parser = argparse.ArgumentParser(prog="bench.scenario", description="One scenario alone.")
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    parser.add_argument(
        "--seconds", type=float, default=0, help="of a phase [mostly 5; quick: 0.5]"
    )
    parser.add_argument("--rounds", type=int, default=0, help="how often [5; quick: 1]")
    given = parser.parse_args(arguments)
    # As Ctrl-C: what the scenario started ends with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder:
        chosen = by_name(given.name)
        seconds = given.seconds or seconds_of(chosen, quick=given.quick)
        rounds = given.rounds or (1 if given.quick else 5)
        options = ScenarioOptions(seconds, given.quick, rounds, Path(folder))
        print(json.dumps(chosen.run(options).encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
