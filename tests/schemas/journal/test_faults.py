"""Writes that fail: what is kept, what is refused, and that no position stands for two lines."""

import errno
import os
from pathlib import Path

import pytest

from schemas.journal.segment import segment_path
from schemas.journal.writer import JournalRefused
from tests.support.faulty_write import FaultyWrite
from tests.support.journal_lines import A, B, C, all_lines, writer


@pytest.mark.parametrize("after", range(len(A + B) + 1))
def test_the_disk_is_full_at_every_byte(tmp_path: Path, after: int) -> None:
    write = FaultyWrite()
    log = writer(tmp_path, write=write)
    log.append([C])
    write.full_after = after
    with pytest.raises(JournalRefused) as refused:
        log.append([A, B, C])
    kept = (A + B)[:after].count(b"\n")
    assert refused.value.kept == kept
    assert "No space left" in str(refused.value)
    write.full_after = None
    log.append([B])
    log.close()
    assert all_lines(tmp_path) == C + b"".join([A, B][:kept]) + B


def test_a_failed_write_that_cannot_be_cut_leaves_no_two_lines_at_one_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FaultyWrite()
    log = writer(tmp_path, write=write)
    log.append([A])
    write.full_after, write.error = 5, errno.EIO
    with monkeypatch.context() as broken:
        broken.setattr(os, "ftruncate", _fails)
        with pytest.raises(JournalRefused) as refused:
            log.append([B])
    assert refused.value.kept == 0
    log.append([C])
    log.close()
    assert all_lines(tmp_path) == A + C


def _fails(file: int, size: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_short_write_of_one_byte_at_a_time(tmp_path: Path) -> None:
    write = FaultyWrite()
    write.short = [1] * len(A + B)
    log = writer(tmp_path, write=write)
    log.append([A, B])
    log.close()
    assert all_lines(tmp_path) == A + B


def test_no_file_can_be_made_for_a_new_segment(tmp_path: Path) -> None:
    log = writer(tmp_path, segment_bytes_max=1)
    log.append([A])
    in_the_way = segment_path(tmp_path, len(A))
    in_the_way.mkdir()
    with pytest.raises(JournalRefused, match="File exists"):
        log.append([B])
    in_the_way.rmdir()
    log.append([B])
    log.close()
    assert all_lines(tmp_path) == A + B
