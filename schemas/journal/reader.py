"""Reads whole lines of a journal from a position, and deletes segments every reader is done with.

Any number of readers may read while the writer writes. A reader sees whole lines only. Must not
know what a line says, nor where its checkpoint is kept.
"""

import contextlib
import itertools
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.journal import checkpoint
from schemas.journal.segment import Segment, segments, whole_lines_size
from schemas.journal.writer import JournalLocked, lock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines and where they stand: `data` is the bytes of positions `start` to `end`."""

    start: int
    end: int
    data: bytes


class JournalReader:
    """Reads one journal. Keeps the segment it reads open, so a deleted one can be finished."""

    def __init__(self, folder: Path) -> None:
        """Open the journal in `folder`; raises FileNotFoundError if there is none."""
        self.folder = folder
        self.identity = (folder / "identity").read_text().strip()
        self._segment: Segment | None = None
        self._file = -1

    def read(self, position: int, bytes_max: int) -> Chunk:
        """Return whole lines from `position` on, at most `bytes_max` bytes of one segment.

        Empty if there are none yet. `start` is larger than `position` where the journal has a gap
        (segments deleted by hand). A run of `bytes_max` bytes without a newline can only be damage:
        it is returned as if it were a line, for the reader to refuse. Blocks on the disk only.
        """
        if not self._seek(position):
            return Chunk(position, position, b"")
        segment = self._segment
        assert segment is not None
        start = max(position, segment.base)
        # Looked for first: a segment that has a successor is whole, so all of it is read below.
        following = self._following(segment)
        data = os.pread(self._file, bytes_max, start - segment.base)
        whole = data.rfind(b"\n") + 1
        if whole == 0 and len(data) == bytes_max:
            log.error("%s has no newline in %d bytes at %d", segment.path, bytes_max, start)
            whole = len(data)
        if whole:
            return Chunk(start, start + whole, data[:whole] if whole < len(data) else data)
        return self.read(following.base, bytes_max) if following else Chunk(start, start, b"")

    def end(self) -> int:
        """Return the position behind the journal's last whole line, as far as can be seen now."""
        with contextlib.suppress(FileNotFoundError):
            found = segments(self.folder)
            if found:
                return found[-1].base + whole_lines_size(found[-1].path)
        return 0

    def close(self) -> None:
        """Close the open segment."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._segment = None

    def _seek(self, position: int) -> bool:
        """Open the segment that holds `position`, or the first one behind it; False if none."""
        if self._segment is not None and self._segment.base <= position:
            following = self._following(self._segment)
            if following is None or position < following.base:
                return True
        found = segments(self.folder)
        if not found:
            return self._segment is not None
        wanted = _holder(found, position)
        if wanted.base > position:
            log.warning("journal %s starts at %d, not at %d", self.folder, wanted.base, position)
        return self._open(wanted)

    def _open(self, segment: Segment) -> bool:
        self.close()
        try:
            self._file = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._segment = segment
        return True

    def _following(self, segment: Segment) -> Segment | None:
        found = segments(self.folder)
        return next((other for other in found if other.base > segment.base), None)


def _holder(found: Sequence[Segment], position: int) -> Segment:
    """Return the last segment that begins at or before `position`, else the first of all."""
    before = [segment for segment in found if segment.base <= position]
    return before[-1] if before else found[0]


def purge(folder: Path, readers: Sequence[str]) -> int:
    """Delete segments that all of `readers` are done with; return how many. Safe to repeat."""
    done = checkpoint.slowest_position(folder, readers)
    found = segments(folder)
    deleted = 0
    for segment, following in itertools.pairwise(found):
        if following.base > done:
            return deleted
        segment.path.unlink(missing_ok=True)
        deleted += 1
    return deleted + _purge_abandoned(folder, found, done)


def _purge_abandoned(folder: Path, found: Sequence[Segment], done: int) -> int:
    """Delete the newest segment too if it is done with and no writer is left."""
    if not found or found[-1].base + whole_lines_size(found[-1].path) > done:
        return 0
    try:
        held = lock(folder)
    except JournalLocked:
        return 0
    try:
        if segments(folder) != found:
            return 0
        if found[-1].base + whole_lines_size(found[-1].path) > done:
            return 0
        found[-1].path.unlink(missing_ok=True)
        return 1
    finally:
        os.close(held)
