"""One journal, held by one reader: what every pump that reads a journal does with it.

Only one process reads a journal under a reader's name at a time, by a lock that dies with it. The
checkpoint is that reader's; segments that all readers are done with are deleted now and then.

Must not know what a line says, when a batch is full, nor what a checkpoint holds but its position.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.delivery import Batch, SourceAway, Span
from schemas.journal import checkpoint
from schemas.journal.reader import JournalReader, purge
from schemas.journal.segment import segments
from schemas.pump import Clock

PURGE_INTERVAL_SECONDS = 5.0

log = logging.getLogger(__name__)


class HeldJournal:
    """A journal for the reader called `reader`; `readers` are all that must be done with it."""

    def __init__(self, folder: Path, reader: str, readers: Sequence[str], clock: Clock) -> None:
        """Open the journal; raises OSError if it has no identity."""
        self.folder = folder
        self._reader = reader
        self._readers = readers
        self._clock = clock
        self._journal = JournalReader(folder)
        self._lock = -1
        self._purged_at = clock.monotonic()

    @property
    def name(self) -> str:
        """The journal's identity."""
        return self._journal.identity

    def hold(self) -> None:
        """Take the reader's lock, if it is not held yet; raises SourceAway while another has it."""
        if self._lock >= 0:
            return
        path = self.folder / f"{self._reader}.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise SourceAway(
                f"journal {self.folder} is read by another process ({path.name})"
            ) from error
        self._lock = file

    def span(self) -> Span:
        """Return what the journal holds now."""
        found = segments(self.folder)
        return Span(found[0].base if found else 0, self._journal.end())

    def load(self) -> dict[str, Any] | None:
        """Return the reader's checkpoint, None if it has none; raises CheckpointUnreadable."""
        return checkpoint.load(self.folder, self._reader)

    async def store(self, content: Mapping[str, Any]) -> None:
        """Replace the checkpoint, synced; raises SourceAway if the disk refuses."""
        try:
            await asyncio.to_thread(checkpoint.store, self.folder, self._reader, content)
        except OSError as error:
            raise SourceAway(
                f"the checkpoint in {self.folder} can't be written: {error.strerror or error}"
            ) from error

    def batch(self, position: int, bytes_max: int) -> Batch | None:
        """Return whole lines from `position` on, None if there are none; raises SourceAway."""
        try:
            chunk = self._journal.read(position, bytes_max)
        except OSError as error:
            raise SourceAway(f"journal {self.folder} can't be read: {error}") from error
        if not chunk.data:
            return None
        rows = rows_in(chunk.data)
        return Batch(self.name, chunk.start, chunk.end, chunk.data, rows, base=chunk.start)

    def behind(self, position: int) -> int:
        """Return how many bytes of whole lines there are from `position` on."""
        return max(0, self._journal.end() - position)

    def peek(self, position: int, size: int) -> bytes:
        """Return up to `size` bytes from `position` on; empty if there are none."""
        for segment in reversed(segments(self.folder)):
            if segment.base <= position:
                with contextlib.suppress(FileNotFoundError), segment.path.open("rb") as file:
                    return os.pread(file.fileno(), size, position - segment.base)
                break
        return b""

    def purge_if_due(self) -> None:
        """Delete segments that all readers are done with, if it was not tried just now."""
        if self._clock.monotonic() - self._purged_at < PURGE_INTERVAL_SECONDS:
            return
        self._purged_at = self._clock.monotonic()
        try:
            deleted = purge(self.folder, self._readers)
        except OSError:
            log.warning("segments of %s can't be deleted", self.folder, exc_info=True)
        else:
            if deleted:
                log.info("deleted %d segments of %s that all are done with", deleted, self.folder)

    async def pause(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait that long, or until `stop` is set."""
        stopping = asyncio.ensure_future(stop.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((stopping, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sleeping.cancel()

    def close(self) -> None:
        """Close files and let another process have the journal."""
        self._journal.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def rows_in(data: bytes) -> int:
    """Return how many lines there are; the last may lack its newline."""
    return data.count(b"\n") + (not data.endswith(b"\n"))
