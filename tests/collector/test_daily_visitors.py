"""Ids of the day: the same for all workers of a machine, and gone with the day."""

import logging
import random
import uuid
from pathlib import Path

import pytest

from collector.daily_visitors import DAY_MS, FILE_NAME, DailyVisitors
from tests.support.built_hits import NOW_MS, Bench
from tests.support.worker_thread import WorkerThread

WHO = ("shop", "203.0.113.77", b"Firefox")


@pytest.fixture
def salt(tmp_path: Path) -> Path:
    return tmp_path / "data" / FILE_NAME


def worker(salt: Path, seed: int) -> DailyVisitors:
    return DailyVisitors(salt, random.Random(seed).randbytes)


def test_workers_agree(salt: Path) -> None:
    ids = {worker(salt, seed).visitor_id(NOW_MS, *WHO) for seed in range(5)}
    assert len(ids) == 1
    assert uuid.UUID(ids.pop()).version == 8


def test_another_day_is_another_id_and_the_salt_is_gone(salt: Path) -> None:
    one, other = worker(salt, 1), worker(salt, 2)
    today = one.visitor_id(NOW_MS, *WHO)
    before = salt.read_text().split()[1]
    tomorrow = other.visitor_id(NOW_MS + DAY_MS, *WHO)
    assert tomorrow != today
    assert before not in salt.read_text()
    assert one.visitor_id(NOW_MS + DAY_MS, *WHO) == tomorrow
    assert one._salt.hex() != before


def test_the_salt_goes_without_a_hit(salt: Path) -> None:
    one = worker(salt, 1)
    one.refresh(NOW_MS)
    before = salt.read_text()
    one.refresh(NOW_MS + DAY_MS)
    assert salt.read_text() != before


def test_a_worker_that_is_late_over_midnight_takes_the_new_salt(salt: Path) -> None:
    midnight = NOW_MS // DAY_MS * DAY_MS + DAY_MS
    early, late = worker(salt, 1), worker(salt, 2)
    new = early.visitor_id(midnight, *WHO)
    assert late.visitor_id(midnight - 1, *WHO) == new
    assert late.visitor_id(midnight, *WHO) == new


@pytest.mark.parametrize("content", ["", "1 2", "garbage\n", "20782 " + "g" * 64, "\xff" * 80])
def test_a_damaged_file_is_made_anew(salt: Path, content: str) -> None:
    salt.parent.mkdir()
    salt.write_text(content, encoding="latin-1")
    ids = {worker(salt, seed).visitor_id(NOW_MS, *WHO) for seed in (1, 2)}
    assert len(ids) == 1


def test_a_salt_of_a_wrong_clock_does_not_stay(salt: Path) -> None:
    worker(salt, 1).refresh(NOW_MS + 30 * DAY_MS)
    before = salt.read_text()
    worker(salt, 2).refresh(NOW_MS)
    assert salt.read_text() != before


def test_without_a_disk_yesterdays_salt_is_not_used(
    salt: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = worker(salt, 1)
    today = one.visitor_id(NOW_MS, *WHO)
    salt.unlink()
    salt.mkdir()
    with caplog.at_level(logging.ERROR):
        assert one.visitor_id(NOW_MS + DAY_MS, *WHO) != today
    assert "can't share a salt" in caplog.text


def test_others_may_not_read_it(salt: Path) -> None:
    worker(salt, 1).refresh(NOW_MS)
    assert salt.stat().st_mode & 0o077 == 0


def test_who_it_is_by_address_agent_and_site(salt: Path) -> None:
    one = worker(salt, 1)
    others = [("blog", *WHO[1:]), (WHO[0], "203.0.113.78", WHO[2]), (*WHO[:2], b"Chrome")]
    ids = {one.visitor_id(NOW_MS, *who) for who in (WHO, *others)}
    assert len(ids) == 4


def test_hits_have_the_id_as_consent_allows() -> None:
    bench = Bench(visitor_kind="daily")
    first, second = bench.pixel("site=shop"), bench.pixel("site=shop&consent=limited")
    assert first["visitor_id"] == second["visitor_id"]
    assert first["visitor_kind"] == "daily"
    assert "session_id" not in first
    assert "visitor_id" not in bench.pixel("consent=denied")
    assert "visitor_id" not in bench.pixel("", peer="")


def test_a_worker_without_the_setting_deletes_the_salt(tmp_path: Path) -> None:
    journals = tmp_path / "journal"
    with WorkerThread(journals, visitor_kind="daily") as running:
        running.get("/p.gif")
        assert (tmp_path / FILE_NAME).exists()
    with WorkerThread(journals):
        assert not (tmp_path / FILE_NAME).exists()
