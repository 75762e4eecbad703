"""What a run prints, and that the published page, pictures and costs are the published results."""

import re

import pytest

from bench import gallery, report, tables, unit_costs
from bench.records import PUBLISHED_FILE, Record, read
from bench.samples import Run, Sample
from bench.scenario import ScenarioResult
from deploy.capacity_workload import costs

RUN = Run("2026-11-24T06:00:00Z", "abc", "full", {"processor": "none", "nginx": ""})
PEERS = Record(
    RUN,
    1.0,
    ScenarioResult(
        "peers",
        {
            "nginx.keep_alive_requests_per_cpu_second": [100_000.0, 90_000.0],
            "nginx.keep_alive_cpu_us_per_request": [10.0, 11.1],
            "heliograph.keep_alive_requests_per_cpu_second": [70_000.0, 80_000.0],
            "heliograph.keep_alive_cpu_us_per_request": [14.3, 12.5],
        },
        notes=["one is not here"],
    ),
)
AWAY = Record(
    RUN,
    1.0,
    ScenarioResult(
        "kafka-outage",
        {"well_p99_ms": 2.0, "away_p99_ms": 2.1},
        {"p99 (ms) over time (s)": [(0, 1), (1, 100)], "backlog (MB) over time (s)": [(0, 0)]},
    ),
)


def test_a_run_is_told_in_one_table() -> None:
    text = report.told({"peers": PEERS, "kafka-outage": AWAY}, "full")
    assert "nginx" not in text.splitlines()[0], "what is not there is not named"
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert re.search(r"≥ 1 +\| 0\.794 \(0\.7 to 0\.889\) +\| 2 +\| MISSED", rows[2])
    assert "not measured" in rows[3]
    (kafka,) = (row for row in rows if "Kafka is away" in row)
    assert re.search(r"≤ 1\.1 +\| 1\.05 +\| 1 +\| holds", kafka)
    assert text.count("Missed: ") == 1
    assert len({len(row) for row in rows}) == 1, "columns line up"


def test_the_page_has_a_chapter_for_each_scenario() -> None:
    text = report.page({"peers": PEERS, "kafka-outage": AWAY})
    assert "## Peers" in text
    assert "- one is not here" in text
    drawn = gallery.pictures({"peers": PEERS, "kafka-outage": AWAY})
    assert set(re.findall(r"images/bench/([^)]+)", text)) == set(drawn)
    assert [name for name in drawn if name.startswith("kafka-outage")] == ["kafka-outage-ms.svg"]


def test_peers_are_rows_when_they_are_many() -> None:
    many = {f"p{number}.hits": [1.0] for number in range(tables.PEERS_ACROSS_MAX + 1)}
    assert tables.figures(many).splitlines()[0].split() == ["|", "|", "hits", "|"]
    few = tables.figures({"a.cpu_us": [1.0, 3.0], "b.cpu_us": [2.0]}).splitlines()
    assert few[0].split() == ["|", "|", "a", "|", "b", "|"]
    assert few[2].startswith("| CPU µs | 2 (1 to 3) | 2")


def test_samples_are_told_by_scenario() -> None:
    seen = [Sample(RUN, "keep_alive", "nginx", number, {"p99_9_us": 4.0}) for number in range(2)]
    assert "| p99.9 µs | 4" in tables.of_samples(seen)


@pytest.mark.parametrize("value", [("p50_ms", "p50 ms"), ("p99_99_us", "p99.99 µs")])
def test_names_are_for_readers(value: tuple[str, str]) -> None:
    assert tables.titled(value[0]) == value[1]


def test_the_page_is_what_was_published() -> None:
    seen = read(PUBLISHED_FILE)
    assert report.PAGE.read_text(encoding="utf-8") == report.page(seen), "run `make bench-publish`"
    drawn = {file: picture for file, (_, picture) in gallery.pictures(seen).items()}
    kept = {file.name: file.read_text("utf-8") for file in report.PICTURES.glob("*.svg")}
    assert kept == drawn


def test_the_capacity_models_costs_are_what_was_published() -> None:
    record = read(PUBLISHED_FILE)[unit_costs.SCENARIO]
    assert unit_costs.FILE.read_text(encoding="utf-8") == unit_costs.rendered(record)
    assert set(unit_costs.FIGURES) < set(costs())
