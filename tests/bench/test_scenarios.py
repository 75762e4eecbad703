"""The short form of each scenario works and shows what it is there for."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import processes, scenario
from bench.peers import BY_NAME
from bench.peers.bootstrap import BOOTSTRAP
from bench.rig import CORES
from bench.scenario import ScenarioOptions, ScenarioResult
from bench.scenarios import peers
from tests.support.waiting import wait_until

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
        ("hot-path", "heliograph.with_64_requests_per_cpu_second"),
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


def test_peers_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them: that each of the others runs is for `test_peers`."""
    monkeypatch.setattr(peers, "BY_NAME", {name: BY_NAME[name] for name in ("nginx", "floor")})
    monkeypatch.setenv(BOOTSTRAP, "127.0.0.1:1")
    result = quick("peers", tmp_path)
    for what in ("keep_alive_requests_per_cpu_second", "short_requests_per_cpu_second", "p99_ms"):
        assert result.figures[f"nginx.{what}"]
        assert result.figures[f"floor.{what}"]
    assert any("GoatCounter" in note for note in result.notes)


@pytest.mark.kafka
def test_producer_send_per_hit_is_a_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: str
) -> None:
    monkeypatch.setenv(BOOTSTRAP, kafka)
    monkeypatch.setattr(peers, "BY_NAME", {"ordinary-kafka": BY_NAME["ordinary-kafka"]})
    result = quick("peers", tmp_path)
    assert result.figures["ordinary-kafka.keep_alive_requests_per_cpu_second"]


@pytest.mark.kafka
@pytest.mark.long
def test_the_shipper_is_compared_with_producer_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: str
) -> None:
    monkeypatch.setenv(BOOTSTRAP, kafka)
    figures = quick("shipper", tmp_path).figures
    assert figures["heliograph.hits_per_cpu_second"]
    assert figures["producer send per hit.hits_per_cpu_second"]


@pytest.mark.parametrize("name", ["shipper", "consumer-kafka", "kafka-outage"])
def test_without_kafka_it_says_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Java is found, so no broker can be started."""
    monkeypatch.delenv(BOOTSTRAP, raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "JDK" in quick(name, tmp_path).skipped


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.parametrize("name", ["consumer-journal", "consumer-kafka"])
def test_the_consumer_is_measured(name: str, tmp_path: Path) -> None:
    assert quick(name, tmp_path).figures["heliograph.hits_per_consumer_cpu_second"]


@pytest.mark.kafka
@pytest.mark.long
def test_kafka_may_go_away(tmp_path: Path) -> None:
    assert quick("kafka-outage", tmp_path).figures["away_p99_ms"]


def test_a_scenario_that_is_ended_ends_what_it_started() -> None:
    command = [sys.executable, "-m", "bench.scenario", "freshness", "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(processes.tree(process.pid)) > 5, 60, "collector, consumer, store")
        started = processes.tree(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
