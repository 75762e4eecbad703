"""Verdicts from samples, and the targets file itself."""

from pathlib import Path

import pytest

from bench.samples import Run, Sample, read, write
from bench.targets import Spread, Target, spread, targets, verdicts

RUN = Run("2026-11-24T06:00:00Z", "abc", "full", {"processor": "none"})


def sample(peer: str, round_: int, value: float, run: Run = RUN) -> Sample:
    return Sample(run, "keep_alive", peer, round_, {"requests_per_cpu_second": value})


def test_a_ratio_is_taken_within_a_round() -> None:
    """The machine got twice as slow in round 1; the ratio did not."""
    seen = [
        sample("nginx", 0, 100),
        sample("heliograph", 0, 90),
        sample("nginx", 1, 50),
        sample("heliograph", 1, 45),
        sample("heliograph", 2, 7),
    ]
    found = spread(seen, "keep_alive", "requests_per_cpu_second", "heliograph", "nginx")
    assert found == Spread(0.9, 0.9, 0.9)
    alone = spread(seen, "keep_alive", "requests_per_cpu_second", "heliograph")
    assert alone == Spread(45, 7, 90)


@pytest.mark.parametrize(
    ("form", "ours", "holds"), [("full", 80, True), ("full", 79, False), ("quick", 40, True)]
)
def test_the_form_decides_the_limit(form: str, ours: float, holds: bool) -> None:
    run = Run(RUN.started_at, RUN.commit, form, RUN.machine)
    seen = [sample("nginx", 0, 100, run), sample("heliograph", 0, ours, run)]
    by_row = {(v.target.scenario, v.target.against): v.holds for v in verdicts("hot", seen)}
    assert by_row[("keep_alive", "nginx")] is holds
    assert by_row[("keep_alive", "ordinary")] is None


def test_the_short_form_is_never_stricter() -> None:
    for target in targets("hot"):
        gap = target.limit("full") - target.far
        assert gap >= 0 if target.at_least is not None else gap <= 0


def test_a_row_has_one_direction() -> None:
    row = {"what": "x", "bench": "hot", "scenario": "s", "value": "v", "why": "", "far": 1.0}
    with pytest.raises(AssertionError):
        Target(**row)  # type: ignore[arg-type]


def test_samples_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "results" / "hot.ndjson"
    seen = [sample("nginx", 0, 100), sample("heliograph", 0, 90.5)]
    write(file, seen)
    assert read(file) == seen
