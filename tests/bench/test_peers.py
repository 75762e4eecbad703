"""Each peer starts, answers the pixel, keeps what it says it keeps, and stops."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bench import memory
from bench.drive import checked, drive
from bench.load import Load
from bench.peers import ABSENT, BY_NAME, MORE, PEERS, Peer, available, installed
from bench.peers.unavailable import UnavailableError
from bench.server import Launch, ServerError, free_port, running

CORE = min(os.sched_getaffinity(0))
REAL = [peer for peer in (*PEERS, *MORE) if peer.name not in ("heliograph", "ordinary-kafka")]


@pytest.mark.parametrize("peer", REAL, ids=lambda peer: peer.name)
def test_it_answers_and_is_measured(peer: Peer, tmp_path: Path) -> None:
    _, notes = available([peer])
    if notes:
        pytest.skip(notes[0])
    port = free_port()
    with running(peer.launch(tmp_path, port), port, CORE, tmp_path / "output.log") as server:
        load = Load(port, 0.2, 0.1, 8, server_pids=server.pids)
        outcome = checked(drive(load, [CORE]))
        outcome.merge(checked(drive(replace(load, keep_alive=False), [CORE])))
        assert 0 < outcome.server_cpu_seconds < outcome.seconds * 2
        assert server.rss_bytes() > 1_000_000
    if peer.kept:
        lines = (tmp_path / peer.kept).read_bytes().splitlines()
        assert len(lines) >= outcome.requests
    if peer.kept == "hits.ndjson":
        hit = orjson.loads(lines[-1])
        assert hit["url"].startswith("https://www.shop.example/")
        assert hit["user_agent"].startswith("Mozilla/5.0")
        assert hit["visitor_id"].count("-") >= 4, "a new one, or the cookie's"


def test_what_cannot_be_had_is_said() -> None:
    def refuse() -> None:
        raise UnavailableError("the registry says no")

    lacks = Peer("lacks", "", BY_NAME["floor"].launch, lambda: "a thing")
    refused = Peer("refused", "", BY_NAME["floor"].launch, prepare=refuse)
    found, notes = available([lacks, refused, BY_NAME["floor"]])
    assert found == [BY_NAME["floor"]]
    assert notes == [
        "lacks is not compared; it needs: a thing",
        "refused is not compared; it needs: the registry says no",
    ]
    assert all(sentence.endswith((").", ".")) for sentence in ABSENT)


def test_an_install_that_fails_says_what_did_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "CACHE", tmp_path / "cache")
    with pytest.raises(UnavailableError, match="apt-get download no-such-package"):
        installed.debian("nothing", ["no-such-package"])
    assert not (tmp_path / "cache" / "nothing").exists()
    wrong = installed.ROOT / "bench" / "apps" / "job.py"
    with pytest.raises(UnavailableError, match=r"go build bench/apps/job\.py|it is built by Go"):
        installed.go(wrong)


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
