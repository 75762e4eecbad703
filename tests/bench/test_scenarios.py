"""The short form of each scenario works and shows what it is there for."""

from pathlib import Path

import pytest

from bench import scenario
from bench.rig import CORES
from bench.scenario import ScenarioOptions, ScenarioResult

pytestmark = [pytest.mark.real, pytest.mark.slow]


def quick(name: str, folder: Path) -> ScenarioResult:
    """Run a scenario's short form, and see that its result is a result."""
    result = scenario.by_name(name).run(ScenarioOptions(0.5, True, 1, folder))
    assert result.name == name
    assert bool(result.figures) != bool(result.skipped)
    return ScenarioResult.decode(result.encode())


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("load-generator", "at_1000_p99_ms"),
        ("latency", "heliograph.at_50_percent_p99_9_ms"),
        ("connection-storm", "heliograph.connections_per_second"),
        ("idle-connections", "heliograph.rss_bytes_per_connection"),
        ("slow-readers", "heliograph.beside_slow_p99_ms"),
        ("mixed-traffic", "mixed_cpu_us_per_hit"),
        ("store-outage", "away_p99_ms"),
        ("freshness", "journal_at_100_p99_ms"),
        ("catch-up", "backlog_hits"),
        ("soak", "collector_open_files_end"),
    ],
)
def test_it_works(name: str, figure: str, tmp_path: Path) -> None:
    assert quick(name, tmp_path).figures[figure]


@pytest.mark.skipif(len(CORES) < 2, reason="two workers need two cores")
def test_two_workers_are_compared_with_one(tmp_path: Path) -> None:
    assert quick("two-workers", tmp_path).figures["cpu_per_hit_2_over_1_ratio"]


def test_no_answered_hit_is_lost_with_a_worker(tmp_path: Path) -> None:
    figures = quick("worker-kill", tmp_path).figures
    assert figures["answered_not_kept_hits"] == [0]
    assert figures["answered_requests"]
    assert figures["new_worker_after_ms"]


@pytest.mark.kafka
def test_kafka_may_go_away(tmp_path: Path) -> None:
    assert quick("kafka-outage", tmp_path).figures["away_p99_ms"]
