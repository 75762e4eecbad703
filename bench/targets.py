"""Targets and verdicts: `targets.toml` against the samples of a run.

A ratio is taken within a round, where both peers met the same machine; the median over the rounds
decides, and the spread is shown. Pure: samples in, verdicts out.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.samples import Sample

FILE = Path(__file__).with_name("targets.toml")
OURS = "heliograph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of the file; exactly one of `at_least` and `at_most` is given."""

    what: str
    bench: str
    scenario: str
    value: str
    far: float
    why: str
    against: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        assert (self.at_least is None) != (self.at_most is None), self.what

    def limit(self, form: str) -> float:
        """Return the number a run of this form is held to."""
        if form == "quick":
            return self.far
        limit = self.at_most if self.at_least is None else self.at_least
        assert limit is not None
        return limit


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and their extremes."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run did on a target; `seen` is None if a peer of it was not measured."""

    target: Target
    limit: float
    seen: Spread | None

    @property
    def holds(self) -> bool | None:
        """Tell whether the target is met; None if that is not known."""
        if self.seen is None:
            return None
        above = self.target.at_least is not None
        return self.seen.median >= self.limit if above else self.seen.median <= self.limit


def targets(bench: str) -> list[Target]:
    """Return a bench's rows."""
    rows = tomllib.loads(FILE.read_text())["target"]
    return [target for row in rows if (target := Target(**row)).bench == bench]


def verdicts(bench: str, samples: Sequence[Sample]) -> list[Verdict]:
    """Judge one run's samples."""
    form = samples[0].run.form
    return [
        Verdict(target, target.limit(form), _seen(target, samples)) for target in targets(bench)
    ]


def spread(
    samples: Sequence[Sample], scenario: str, value: str, peer: str, against: str = ""
) -> Spread | None:
    """Return a peer's value, or its ratio to another's in each round; None if not measured."""
    ours = _by_round(samples, scenario, value, peer)
    theirs = _by_round(samples, scenario, value, against) if against else dict.fromkeys(ours, 1.0)
    ratios = [ours[round_] / theirs[round_] for round_ in ours if theirs.get(round_)]
    return Spread(median(ratios), min(ratios), max(ratios)) if ratios else None


def _seen(target: Target, samples: Sequence[Sample]) -> Spread | None:
    return spread(samples, target.scenario, target.value, OURS, target.against)


def _by_round(samples: Sequence[Sample], scenario: str, value: str, peer: str) -> dict[int, float]:
    return {
        sample.round: sample.values[value]
        for sample in samples
        if (sample.scenario, sample.peer) == (scenario, peer) and value in sample.values
    }
