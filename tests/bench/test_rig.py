"""What scenarios share: figures by round; a peer that does not start is left out, and why."""

import sys
from pathlib import Path

import pytest

from bench import rig
from bench.peers import BY_NAME, Peer
from bench.rig import Figures
from bench.samples import Run, Sample
from bench.server import Launch


def test_figures_are_named_by_peer_and_listed_by_round() -> None:
    figures = Figures()
    for number in (1.0, 2.0):
        figures.add("nginx", {"p99_ms": number}, "alone_")
        figures.add("", {"hits": number})
    assert figures.by_name == {"nginx.alone_p99_ms": [1, 2], "hits": [1, 2]}


def test_samples_of_a_bench_become_figures_whatever_their_peers_name() -> None:
    run = Run("2026-11-24T06:00:00Z", "abc", "full", {})
    seen = [Sample(run, "s", "producer.send per hit", number, {"hits": 5}) for number in range(2)]
    assert rig.of_samples(seen) == {"producer send per hit.hits": [5, 5]}


@pytest.mark.slow
def test_a_peer_that_does_not_start_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Peer(
        "broken", "", lambda _, __: Launch([sys.executable, "-c", "raise SystemExit('module 1.9')"])
    )
    monkeypatch.setitem(BY_NAME, "broken", broken)
    with rig.all_started(["broken", "floor"], tmp_path) as (servers, notes):
        assert list(servers) == ["floor"]
    assert "broken is not compared" in notes[0]
    assert "module 1.9" in notes[0]
