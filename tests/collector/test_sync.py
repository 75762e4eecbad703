"""`journal.fsync_ms`: what was written is synced, and a disk that can't is said out loud."""

import errno
from pathlib import Path

import pytest

from collector import worker
from schemas.journal.writer import sync_files
from tests.support.raw_http import get
from tests.support.waiting import wait_until
from tests.support.worker_thread import WorkerThread


def test_a_failed_sync_makes_the_worker_unready_until_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = True
    synced: list[int] = []

    def sync(folder: Path, files: list[int]) -> None:
        sync_files(folder, files)
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        synced.extend(files)

    monkeypatch.setattr(worker, "sync_files", sync)
    with WorkerThread(tmp_path, journal={"fsync_ms": 5}) as running:
        assert get(running.port, "/p.gif?e=Signup").status == 200
        wait_until(lambda: "can't be synced: Input/output error" in running.status.problem)
        broken = False
        wait_until(lambda: synced, what="a sync")
        wait_until(lambda: running.status.problem == "", what="a ready worker")
        running.check("can't be synced")


def test_hits_are_answered_while_syncs_go_on(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, journal={"fsync_ms": 1, "segment_bytes_max": 1024**2}) as running:
        for _ in range(200):
            assert get(running.port, "/p.gif?e=Signup").status == 200
        assert running.metric("hits_total")["pixel"] == 200
