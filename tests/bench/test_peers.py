"""Each peer starts, answers the pixel, keeps what it says it keeps, and stops."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import memory
from bench.drive import checked, drive
from bench.load import Load
from bench.peers import BY_NAME, PEERS, Peer
from bench.server import Launch, ServerError, free_port, running

CORE = min(os.sched_getaffinity(0))
KEPT = {"nginx": "access.log", "ordinary": "hits.ndjson"}


@pytest.mark.parametrize(
    "peer", [peer for peer in PEERS if peer.name != "heliograph"], ids=lambda peer: peer.name
)
def test_it_answers_and_is_measured(peer: Peer, tmp_path: Path) -> None:
    if peer.missing():
        pytest.skip(f"needs {peer.missing()}")
    port = free_port()
    with running(peer.launch(tmp_path, port), port, CORE, tmp_path / "output.log") as server:
        load = Load(port, 0.2, 0.1, 8, server_pids=server.pids)
        outcome = checked(drive(load, [CORE]))
        outcome.merge(checked(drive(replace(load, keep_alive=False), [CORE])))
        assert 0 < outcome.server_cpu_seconds < outcome.seconds * 2
        assert server.rss_bytes() > 1_000_000
    if peer.name in KEPT:
        assert (tmp_path / KEPT[peer.name]).read_bytes().count(b"\n") >= outcome.requests


def test_idle_connections_are_all_there(tmp_path: Path) -> None:
    port = free_port()
    launch = BY_NAME["aiohttp"].launch(tmp_path, port)
    with running(launch, port, CORE, tmp_path / "output.log") as server:
        seen = memory.idle_connections(server, 200, [CORE])
    assert seen["rss_bytes"] >= seen["rss_bytes_before"]
    assert 0 <= seen["rss_bytes_per_connection"] < 100_000


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    launch = Launch([sys.executable, "-c", "raise SystemExit('no disk')"])
    with (
        pytest.raises(ServerError, match="no disk"),
        running(launch, free_port(), CORE, tmp_path / "output.log"),
    ):
        pass
