"""A disk that is full for real (a small tmpfs) and a quota that is reached, seen from outside."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.journal import checkpoint
from schemas.journal.reader import purge
from tests.support.collector import CollectorProcess
from tests.support.raw_http import RawConnection, get
from tests.support.waiting import wait_until

QUERY = "/p.gif?e=x&u=" + "y" * 3000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True
    )
    if made.returncode:
        assert os.environ.get("CI") != "true", made.stderr
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.real
def test_a_full_disk_is_said_out_loud_and_pixels_are_answered(
    tmp_path: Path, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 600_000)
    with CollectorProcess(tmp_path, settings={"journal.path": small_disk}) as collector:
        collector.journal = small_disk
        answered = 0
        with RawConnection(collector.port) as connection:
            while not collector.problems():
                for _ in range(50):
                    connection.send(f"GET {QUERY} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                    assert connection.answer().status == 200
                    answered += 1
        problems = collector.problems()
        assert problems is not None
        assert "No space left" in problems["collector.w0"] or "full" in problems["collector.w0"]
        wait_until(lambda: beacon(collector) == 503, what="a refused event")
        wait_until(lambda: counted(collector) == answered + 1, what="settled counts")
        ballast.unlink()
        collector.wait_ready()
        before = len(collector.lines())
        assert get(collector.port, QUERY).status == 200
        assert beacon(collector) == 204
        assert len(collector.lines()) == before + 2
        assert "hits are lost" in collector.log


def counted(collector: CollectorProcess) -> int:
    """Return how many pixels are in the journal and how many hits were counted as lost, together.

    The kept ones must be counted right, too.
    """
    kept = sum(line["endpoint"] == "pixel" for line in collector.lines())
    metrics = collector.metrics()
    if kept != metrics['heliograph_collector_hits_total{endpoint="pixel"}']:
        return -1
    return int(kept + metrics["heliograph_collector_hits_lost_total"])


def beacon(collector: CollectorProcess) -> int:
    """Post an event; return the status."""
    with RawConnection(collector.port) as connection:
        connection.send(b"POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
        return connection.answer().status


@pytest.mark.real
def test_a_reached_quota_is_said_out_loud_and_ends_when_the_reader_is_done(tmp_path: Path) -> None:
    settings = {"journal.quota_bytes_max": 16 * 1024 * 1024, "journal.segment_bytes_max": 1 << 20}
    with CollectorProcess(tmp_path, settings=settings) as collector:
        request = f"GET {QUERY} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
        with RawConnection(collector.port) as connection:
            for _ in range(90):
                connection.send(request * 64)
                assert {connection.answer().status for _ in range(64)} == {200}
        wait_until(lambda: beacon(collector) == 503, what="a refused event")
        wait_until(lambda: "quota" in str(collector.problems()), what="a quota that is told")
        assert sum(s.stat().st_size for s in collector.journal.glob("w0/*.ndjson")) <= 16 << 20
        wait_until(lambda: collector.metrics()["heliograph_collector_hits_lost_total"] > 1)
        end = sum(s.stat().st_size for s in collector.journal.glob("w0/*.ndjson"))
        folder = collector.journal / "w0"
        checkpoint.store(folder, "clickhouse", {"position": end, "end": end})
        assert purge(folder, ["clickhouse"]) > 10
        collector.wait_ready()
        assert beacon(collector) == 204
