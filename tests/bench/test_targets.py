"""Verdicts from records, and the targets file itself."""

from pathlib import Path

import pytest

from bench import records
from bench.records import Record, Spread, ratios, spread
from bench.samples import Run
from bench.scenario import ScenarioResult
from bench.targets import Target, targets, verdicts

RUN = Run("2026-11-24T06:00:00Z", "abc", "full", {"processor": "none"})
OURS = "heliograph.keep_alive_requests_per_cpu_second"
NGINX = "nginx.keep_alive_requests_per_cpu_second"


def record(figures: dict[str, list[float]]) -> Record:
    return Record(RUN, 1.0, ScenarioResult("peers", figures, notes=[]))


def test_a_ratio_is_taken_within_a_round() -> None:
    """The machine got twice as slow in round 1; the ratio did not."""
    assert spread(ratios([90, 45], [100, 50])) == Spread(0.9, 0.9, 0.9)
    assert ratios([90, 45, 7], [100, 50]) == [0.9, 0.9]
    assert ratios([8, 4], [2]) == [4, 2]
    assert ratios([8], [0]) == []
    assert spread([]) is None


@pytest.mark.parametrize(
    ("form", "ours", "holds"), [("full", 100, True), ("full", 99, False), ("quick", 40, True)]
)
def test_the_form_decides_the_limit(form: str, ours: float, holds: bool) -> None:
    seen = {"peers": record({NGINX: [100.0], OURS: [ours]})}
    by_row = {(v.target.figure, v.target.against): v.holds for v in verdicts(seen, form)}
    assert by_row[(OURS, NGINX)] is holds
    assert by_row[(OURS, NGINX.replace("nginx", "ordinary-kafka"))] is None


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.what)
def test_the_short_form_is_never_stricter(target: Target) -> None:
    gap = target.limit("full") - target.far
    assert gap >= 0 if target.at_least is not None else gap <= 0


def test_a_row_has_one_direction() -> None:
    row = {"what": "x", "scenario": "s", "figure": "v", "why": "", "far": 1.0}
    with pytest.raises(AssertionError):
        Target(**row)  # type: ignore[arg-type]


def test_records_survive_their_file_and_replace_one_another(tmp_path: Path) -> None:
    file = tmp_path / "results" / "bench.ndjson"
    series = {"p99 (ms) over time (s)": [(0.0, 1.5), (1.0, 2.0)]}
    other = Record(RUN, 2.0, ScenarioResult("soak", {"rounds": 1.0}, series, ["a note"]))
    records.put(file, record({"a": [1.0, 2.0]}))
    records.put(file, other)
    records.put(file, record({"a": [3.0]}))
    assert records.read(file) == {"peers": record({"a": [3.0]}), "soak": other}
    records.forget(file, "peers")
    assert records.read(file) == {"soak": other}
    assert len(file.read_bytes().splitlines()) == 1
    assert other.figure("rounds") == [1.0]
    assert other.figure("none") == []
