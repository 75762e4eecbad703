"""Targets and verdicts: `targets.toml` against the records of a run.

A ratio is taken within a round, where both sides met the same machine; the median over the rounds
decides, and the spread is shown. Pure: records in, verdicts out.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.records import Record, Spread, ratios, spread

FILE = Path(__file__).with_name("targets.toml")
OURS = "heliograph"
QUICK = "quick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of the file; exactly one of `at_least` and `at_most` is given."""

    what: str
    scenario: str
    figure: str
    far: float
    why: str
    against: str = ""
    at_least: float | None = None
    at_most: float | None = None
    floor: str = ""

    def __post_init__(self) -> None:
        assert (self.at_least is None) != (self.at_most is None), self.what

    def limit(self, form: str) -> float:
        """Return the number a run of this form is held to."""
        if form == QUICK:
            return self.far
        limit = self.at_most if self.at_least is None else self.at_least
        assert limit is not None
        return limit


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run did on a target; `seen` is None if a side of it was not measured."""

    target: Target
    limit: float
    seen: Spread | None
    rounds: int

    @property
    def holds(self) -> bool | None:
        """Tell whether the target is met; None if that is not known."""
        if self.seen is None:
            return None
        above = self.target.at_least is not None
        return self.seen.median >= self.limit if above else self.seen.median <= self.limit


def targets() -> list[Target]:
    """Return the rows in their order."""
    return [Target(**row) for row in tomllib.loads(FILE.read_text())["target"]]


def verdicts(records: Mapping[str, Record], form: str) -> list[Verdict]:
    """Judge a run's records, by the names of their scenarios."""
    judged = []
    for target in targets():
        values = _seen(target, records.get(target.scenario))
        judged.append(Verdict(target, target.limit(form), spread(values), len(values)))
    return judged


def _seen(target: Target, record: Record | None) -> list[float]:
    if record is None:
        return []
    ours = record.figure(target.figure)
    return ratios(ours, record.figure(target.against)) if target.against else ours
