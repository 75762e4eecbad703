"""The one writer of a journal: whole lines in, one ``write(2)`` per batch.

Invariants of `schemas.journal` that are kept here: the lock, the cut of a torn tail, segments that
start where the last one ended, whole lines after a failed write. The quota counts all segments.
Nothing is buffered: when `append` returns, the lines it kept are in the page cache.
"""

import errno
import fcntl
import logging
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.errors import Explained
from schemas.journal import checkpoint
from schemas.journal.segment import segment_path, segments, whole_lines_size

# Below this a disk counts as full: less than one turn's hits of a busy worker.
DISK_BYTES_MIN = 64 * 1024

log = logging.getLogger(__name__)


class JournalLocked(Explained):
    """Another process writes this journal."""


class JournalRefused(Exception):
    """Lines could not be kept; the message says why and names the setting or the folder."""

    def __init__(self, message: str, kept: int = 0) -> None:
        super().__init__(message)
        self.kept = kept


class JournalWriter:
    """Appends lines to a journal. Not thread safe."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes_max: int,
        segment_age_seconds_max: float,
        quota_bytes_max: int,
        synced: bool = False,
        monotonic: Callable[[], float],
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        """Open the journal, making it if need be. With `synced`, `take_unsynced` is called too.

        Raises JournalLocked if another process has it, OSError if the folder can't be written.
        """
        self.folder = folder
        self._segment_bytes_max = segment_bytes_max
        self._segment_age_seconds_max = segment_age_seconds_max
        self._quota_bytes_max = quota_bytes_max
        self._monotonic = monotonic
        self._write = write
        # The open segment; none until there is a line for it.
        self._file = -1
        self._segment_size = 0
        self._segment_born = 0.0
        # Files with bytes that a power cut would take; kept open until they are synced.
        self._synced = synced
        self._unsynced: list[int] = []

        folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock(folder)
        self.identity = _identity(folder)
        self.position = max(_recover(folder), checkpoint.furthest_position(folder))
        self.bytes_kept = 0
        # The size of the last append: `check` asks whether it would be taken now.
        self._wanted = 0
        self.recount()

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines, each with its newline, at the end of the journal. May block on the disk.

        Raises JournalRefused when the quota is reached or the disk refuses; its `kept` says how
        many of the lines are in the journal all the same. Safe to call again.
        """
        data = b"".join(lines)
        self._wanted = size = len(data)
        if self.bytes_kept + size > self._quota_bytes_max:
            self._check_quota(size)
        try:
            if self._file < 0 or self._segment_size >= self._segment_bytes_max:
                self._start_segment()
            written = self._write(self._file, data)
            while written < size:
                written += self._write(self._file, data[written:])
        except OSError as error:
            kept = self._keep_whole_lines(size)
            raise JournalRefused(
                f"journal {self.folder} can't be written: {error.strerror or error}", kept
            ) from error
        self._advance(size)

    def check(self) -> None:
        """Raise JournalRefused if the quota is reached or the disk has no room; writes nothing."""
        self._check_quota(self._wanted)
        disk = os.statvfs(self.folder)
        if disk.f_bavail * disk.f_frsize < DISK_BYTES_MIN:
            raise JournalRefused(f"journal {self.folder}: the disk is full (journal.path)")

    def _check_quota(self, size: int) -> None:
        if self.bytes_kept + size > self._quota_bytes_max:
            raise JournalRefused(
                f"journal {self.folder} is at its quota: {self.bytes_kept} of "
                f"{self._quota_bytes_max} bytes (journal.quota_bytes_max); its reader is behind"
            )

    def recount(self) -> None:
        """Count the bytes of all segments again, since readers delete them; once a second is fine.

        Also closes a segment past its age, so that a quiet journal's lines can be deleted.
        """
        kept = 0
        for segment in segments(self.folder):
            try:
                kept += segment.size
            except FileNotFoundError:
                continue
        self.bytes_kept = kept
        age = self._monotonic() - self._segment_born
        if self._file >= 0 and self._segment_size and age >= self._segment_age_seconds_max:
            self._close_segment()

    def take_unsynced(self) -> list[int]:
        """Return file descriptors that hold all bytes not synced yet; pass them to `sync_files`."""
        files, self._unsynced = self._unsynced, []
        if self._file >= 0:
            files.append(os.dup(self._file))
        return files

    def close(self) -> None:
        """Sync, and let another writer have the journal."""
        sync_files(self.folder, self.take_unsynced())
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _start_segment(self) -> None:
        if self._file >= 0:
            self._close_segment()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment_path(self.folder, self.position), flags, 0o640)
        self._segment_size = 0
        self._segment_born = self._monotonic()

    def _close_segment(self) -> None:
        if self._synced:
            self._unsynced.append(self._file)
        else:
            os.close(self._file)
        self._file = -1

    def _advance(self, size: int) -> None:
        self.position += size
        self.bytes_kept += size
        self._segment_size += size

    def _keep_whole_lines(self, tried: int) -> int:
        """After a failed write of `tried` bytes, keep its whole lines; return how many."""
        if self._file < 0:
            return 0
        try:
            return self._cut_to_whole_lines()
        except OSError as error:
            # What is in the file can't be known now: go on behind all that may have been written,
            # in a new segment. A reader skips what this one ends with, if it is no whole line.
            log.error("journal %s: can't cut a failed write: %s", self.folder, error)
            self._close_segment()
            self.position += tried
            return 0

    def _cut_to_whole_lines(self) -> int:
        path = segment_path(self.folder, self.position - self._segment_size)
        size = whole_lines_size(path)
        os.ftruncate(self._file, size)
        grown = size - self._segment_size
        with path.open("rb") as file:
            file.seek(self._segment_size)
            kept = file.read(grown).count(b"\n")
        self._advance(grown)
        return kept


def sync_files(folder: Path, files: Sequence[int]) -> None:
    """Make what was written to `files` survive a power cut, and close them.

    Blocks on the disk: meant for another thread. Raises OSError.
    """
    directory = os.open(folder, os.O_RDONLY)
    try:
        for file in files:
            os.fdatasync(file)
        os.fsync(directory)
    finally:
        for file in (*files, directory):
            os.close(file)


def lock(folder: Path) -> int:
    """Take the journal's lock; return the file descriptor that holds it.

    Raises JournalLocked if another process holds it.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise JournalLocked(
            f"journal {folder} is written by another process: stop it, or give this one another "
            "folder (journal.path)"
        ) from error
    return file


def _identity(folder: Path) -> str:
    path = folder / "identity"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        identity = str(uuid.uuid4())
        checkpoint.replace_file(path, identity.encode() + b"\n")
        return identity


def _recover(folder: Path) -> int:
    """Cut what follows the last whole line of the newest segment; return where it ends."""
    found = segments(folder)
    if not found:
        return 0
    newest = found[-1]
    size, whole = newest.size, whole_lines_size(newest.path)
    if whole < size:
        log.warning("cut %d bytes of an unfinished line off %s", size - whole, newest.path)
        os.truncate(newest.path, whole)
    if whole == 0:
        newest.path.unlink()
    return newest.base + whole
