"""Stories of journals that went wrong: each a name, what happened, and what must hold after it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.journal import checkpoint
from schemas.journal.checkpoint import CheckpointUnreadable
from schemas.journal.reader import JournalReader, purge
from schemas.journal.segment import journals, segment_path, segments
from schemas.journal.writer import JournalLocked, JournalRefused
from tests.support.journal_lines import A, B, C, all_lines, writer


def test_a_torn_tail_is_cut_and_its_bytes_are_given_to_the_next_line(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append([A])
    first.close()
    with segment_path(tmp_path, 0).open("ab") as file:
        file.write(b'{"n":"tor')
    second = writer(tmp_path)
    assert second.position == len(A)
    second.append([B])
    second.close()
    assert all_lines(tmp_path) == A + B


def test_a_segment_that_is_all_torn_goes_away(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append([A])
    first.close()
    segment_path(tmp_path, len(A)).write_bytes(b"\0" * 5000)
    second = writer(tmp_path)
    second.append([B])
    second.close()
    assert all_lines(tmp_path) == A + B


def test_a_tail_of_nuls_longer_than_a_look_back_is_cut(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append([A])
    first.close()
    with segment_path(tmp_path, 0).open("ab") as file:
        file.write(b"\0" * 300_000)
    second = writer(tmp_path)
    assert second.position == len(A)
    second.close()
    assert all_lines(tmp_path) == A


def test_a_power_cut_takes_lines_that_were_read_and_their_positions_are_not_used_again(
    tmp_path: Path,
) -> None:
    first = writer(tmp_path)
    first.append([A, B])
    first.close()
    end = len(A + B)
    checkpoint.store(tmp_path, "clickhouse", {"position": end, "end": end})
    os.truncate(segment_path(tmp_path, 0), len(A))
    second = writer(tmp_path)
    assert second.position == end
    second.append([C])
    second.close()
    assert all_lines(tmp_path, end) == C


def test_a_power_cut_takes_a_range_under_way_and_its_name_is_not_used_again(tmp_path: Path) -> None:
    """The store may have that range under its token already, and would drop another of its name."""
    first = writer(tmp_path)
    first.append([A, B])
    first.close()
    end = len(A + B)
    checkpoint.store(tmp_path, "clickhouse", {"position": 0, "end": end})
    os.truncate(segment_path(tmp_path, 0), 0)
    second = writer(tmp_path)
    assert second.position == end
    second.close()


def test_a_journal_whose_segments_all_were_deleted_goes_on_behind_them(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append([A])
    first.close()
    checkpoint.store(tmp_path, "clickhouse", {"position": len(A), "end": len(A)})
    assert purge(tmp_path, ["clickhouse"]) == 1
    assert segments(tmp_path) == []
    second = writer(tmp_path)
    assert second.position == len(A)
    second.append([B])
    assert all_lines(tmp_path, len(A)) == B
    second.close()


def test_a_writer_rotates_between_a_readers_read_and_its_look_for_a_successor(
    tmp_path: Path,
) -> None:
    """Lines that were appended in between must not be skipped."""
    log = writer(tmp_path, segment_bytes_max=1)
    log.append([A])

    class Slow(JournalReader):
        def _following(self, segment: Any) -> Any:
            following = super()._following(segment)
            if log.position < len(A + B + C):
                log.append([B])  # a segment of its own each
                log.append([C])
            return following

    reader = Slow(tmp_path)
    data, position = b"", 0
    for _ in range(6):
        chunk = reader.read(position, 1 << 20)
        data, position = data + chunk.data, chunk.end
    reader.close()
    log.close()
    assert data == A + B + C


def test_lines_appended_to_the_same_segment_and_a_rotation_are_not_skipped(tmp_path: Path) -> None:
    log = writer(tmp_path, segment_bytes_max=len(A) + 1)
    log.append([A])

    class Slow(JournalReader):
        looks = 0

        def _following(self, segment: Any) -> Any:
            self.looks += 1
            if self.looks == 4:  # the last look before the second read finds its data missing
                log.append([B])
                log.append([C])
            return super()._following(segment)

    reader = Slow(tmp_path)
    data, position = b"", 0
    for _ in range(8):
        chunk = reader.read(position, 1 << 20)
        data, position = data + chunk.data, chunk.end
    reader.close()
    log.close()
    assert data == A + B + C


def test_the_quota_refuses_and_recovers_when_a_reader_is_done(tmp_path: Path) -> None:
    log = writer(tmp_path, quota_bytes_max=2 * len(A), segment_bytes_max=1)
    log.append([A])
    log.append([B])
    with pytest.raises(JournalRefused, match=r"journal\.quota_bytes_max") as refused:
        log.append([C])
    assert refused.value.kept == 0
    with pytest.raises(JournalRefused):
        log.check()
    checkpoint.store(tmp_path, "clickhouse", {"position": len(A), "end": len(A)})
    assert purge(tmp_path, ["clickhouse"]) == 1
    log.recount()
    log.check()
    log.append([C])
    log.close()
    assert all_lines(tmp_path, len(A)) == B + C


def test_a_quiet_journals_segment_is_closed_at_its_age(tmp_path: Path) -> None:
    now = 0.0
    log = writer(tmp_path, segment_age_seconds_max=60, monotonic=lambda: now)
    log.append([A])
    checkpoint.store(tmp_path, "clickhouse", {"position": len(A), "end": len(A)})
    now = 61.0
    log.recount()
    log.append([B])
    assert [s.base for s in segments(tmp_path)] == [0, len(A)]
    assert purge(tmp_path, ["clickhouse"]) == 1
    log.close()


def test_a_segment_is_kept_until_the_slowest_reader_is_done(tmp_path: Path) -> None:
    log = writer(tmp_path, segment_bytes_max=1)
    log.append([A])
    log.append([B])
    checkpoint.store(tmp_path, "clickhouse", {"position": len(A), "end": len(A)})
    assert purge(tmp_path, ["clickhouse", "kafka"]) == 0
    checkpoint.store(tmp_path, "kafka", {"position": len(A) - 1, "end": len(A)})
    assert purge(tmp_path, ["clickhouse", "kafka"]) == 0
    checkpoint.store(tmp_path, "kafka", {"position": len(A), "end": len(A)})
    assert purge(tmp_path, ["clickhouse", "kafka"]) == 1
    log.close()


def test_the_newest_segment_is_kept_while_a_writer_lives(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.append([A])
    checkpoint.store(tmp_path, "clickhouse", {"position": len(A), "end": len(A)})
    assert purge(tmp_path, ["clickhouse"]) == 0
    log.close()
    assert purge(tmp_path, ["clickhouse"]) == 1


def test_a_segment_deleted_by_hand_is_a_gap_that_the_reader_passes(tmp_path: Path) -> None:
    log = writer(tmp_path, segment_bytes_max=1)
    for line in (A, B, C):
        log.append([line])
    log.close()
    segment_path(tmp_path, len(A)).unlink()
    reader = JournalReader(tmp_path)
    assert reader.read(0, 1000).data == A
    chunk = reader.read(len(A), 1000)
    assert (chunk.start, chunk.data) == (len(A + B), C)
    reader.close()


def test_a_deleted_segment_that_is_open_can_be_finished(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.append([A, B])
    reader = JournalReader(tmp_path)
    assert reader.read(0, len(A)).data == A
    segment_path(tmp_path, 0).unlink()
    assert reader.read(len(A), 1000).data == B
    reader.close()
    log.close()


def test_a_run_without_a_newline_is_given_out_as_it_is(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.append([b"\0" * 5000 + A])
    reader = JournalReader(tmp_path)
    chunk = reader.read(0, 1000)
    assert (chunk.end, chunk.data) == (1000, b"\0" * 1000)
    reader.close()
    log.close()


TRY = """
import pathlib, sys
from schemas.journal.writer import JournalLocked, lock
try:
    lock(pathlib.Path(sys.argv[1]))
except JournalLocked as error:
    print(error)
"""


def try_lock(folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", TRY, folder], check=True, capture_output=True, text=True
    ).stdout


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    log = writer(tmp_path)
    assert "journal.path" in try_lock(tmp_path)
    with pytest.raises(JournalLocked):
        writer(tmp_path)
    log.close()
    assert try_lock(tmp_path) == ""


def test_a_journal_keeps_its_identity_and_another_folder_has_another(tmp_path: Path) -> None:
    first = writer(tmp_path / "w0")
    first.close()
    again = writer(tmp_path / "w0")
    other = writer(tmp_path / "w1")
    assert first.identity == again.identity != other.identity
    assert journals(tmp_path) == [tmp_path / "w0", tmp_path / "w1"]
    again.close()
    other.close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"position":"1"}', b"\0" * 20])
def test_a_checkpoint_that_is_none_names_itself(tmp_path: Path, content: bytes) -> None:
    path = checkpoint.checkpoint_path(tmp_path, "clickhouse")
    path.write_bytes(content)
    with pytest.raises(CheckpointUnreadable, match=r"clickhouse\.checkpoint holds no position"):
        checkpoint.load(tmp_path, "clickhouse")
    assert purge(tmp_path, ["clickhouse"]) == 0


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, "r") is None
    checkpoint.store(tmp_path, "r", {"position": 5, "more": [1]})
    (tmp_path / "r.checkpoint.new").write_bytes(b'{"posi')  # killed while it wrote
    assert checkpoint.load(tmp_path, "r") == {"position": 5, "more": [1]}
    checkpoint.store(tmp_path, "r", {"position": 6})
    assert checkpoint.load(tmp_path, "r") == {"position": 6}


def test_what_is_written_can_be_read_with_tail_f(tmp_path: Path) -> None:
    """Each write is whole lines, so whoever reads as it grows never sees half a line."""
    log = writer(tmp_path)
    log.append([A])
    with segment_path(tmp_path, 0).open("rb") as tail:
        for _ in range(50):
            log.append([B, C])
            seen = tail.read()
            assert seen.endswith(b"\n")
            assert [orjson.loads(line) for line in seen.splitlines()]
    log.close()


def test_unsynced_files_are_those_written_since_the_last_sync(tmp_path: Path) -> None:
    log = writer(tmp_path, segment_bytes_max=1, synced=True)
    for line in (A, B, C):
        log.append([line])
    files = log.take_unsynced()
    assert len(files) == 3
    for file in files:
        os.fsync(file)
        os.close(file)
    assert len(log.take_unsynced()) == 1
    log.close()


def test_a_journal_at_its_quota_says_so_until_what_it_refused_has_room(tmp_path: Path) -> None:
    """A few bytes that are left must not make it look well between two refusals."""
    log = writer(tmp_path, quota_bytes_max=3 * len(A) - 1)
    log.append([A, B])
    with pytest.raises(JournalRefused):
        log.append([C])
    with pytest.raises(JournalRefused):
        log.check()
    log.close()
