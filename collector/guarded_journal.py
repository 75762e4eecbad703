"""The journal with a bound on how long an answer waits for the disk.

A write to the page cache takes microseconds, so it is made in the event loop. A disk in distress
can hold one for seconds. The first write that takes longer than the bound is waited for; from then
on, until the disk has been well for `WELL_SECONDS`, a thread writes and answers leave at the bound,
their hits *at risk*: in this process's memory, written when the disk lets go.

Not always by the thread, because handing a write over costs 40 µs of CPU (EPYC, CPython 3.11,
2026-11), as much as four requests. `RWF_NOWAIT` would tell beforehand, but ext4 has it not.

Knows nothing of connections.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence

from schemas.journal.writer import JournalRefused, JournalWriter

WELL_SECONDS = 60.0
AT_RISK_BYTES_MAX = 64 * 1024 * 1024

log = logging.getLogger(__name__)


class _Job:
    """Lines for the thread, and what became of them."""

    __slots__ = ("done", "lines", "refusal", "size")

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self.size = sum(map(len, lines))
        self.done = threading.Event()
        self.refusal: JournalRefused | None = None

    @property
    def kept(self) -> int:
        return len(self.lines) if self.refusal is None else self.refusal.kept


class GuardedJournal:
    """Appends to a journal, for one event loop; `write_seconds_max` 0 means without a bound."""

    def __init__(
        self, journal: JournalWriter, write_seconds_max: float, monotonic: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._write_seconds_max = write_seconds_max
        self._monotonic = monotonic
        self._guarded_until = float("-inf")
        self._thread: threading.Thread | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._at_risk: deque[_Job] = deque()
        self._at_risk_bytes = 0
        # How long the last append kept its caller, in seconds.
        self.took = 0.0

    @property
    def at_risk(self) -> int:
        """Hits that were answered and that the disk has not taken yet."""
        return sum(len(job.lines) for job in self._at_risk)

    def append(self, lines: Sequence[bytes]) -> bool:
        """Write lines; True if they are in the journal, False if they are at risk.

        Blocks until the disk takes them, once it is known to be slow no longer than the bound.
        Raises JournalRefused as `JournalWriter.append`, also when too much is at risk already.
        """
        begun = self._monotonic()
        in_loop = not self._at_risk and begun >= self._guarded_until
        try:
            if not in_loop:
                return self._append_in_thread(lines)
            self._journal.append(lines)
        finally:
            self.took = took = self._monotonic() - begun
        if took > self._write_seconds_max > 0:
            self._guard(took)
        return True

    def settle(self) -> tuple[int, int]:
        """Return how many hits at risk were kept since the last call, and how many were lost."""
        kept = lost = 0
        while self._at_risk and self._at_risk[0].done.is_set():
            job = self._at_risk.popleft()
            self._at_risk_bytes -= job.size
            kept += job.kept
            lost += len(job.lines) - job.kept
            if job.refusal is not None:
                log.error("hits that were at risk are lost: %s", job.refusal)
            elif not self._at_risk:
                log.warning("journal %s: the disk has taken all hits", self._journal.folder)
        return kept, lost

    def tend(self) -> None:
        """Do the journal's chores, unless the thread is writing; once a second is fine."""
        if not self._at_risk:
            self._journal.recount()

    def take_unsynced(self) -> list[int]:
        """As `JournalWriter.take_unsynced`; empty while the thread is writing."""
        return [] if self._at_risk else self._journal.take_unsynced()

    def check(self) -> None:
        """Raise JournalRefused if the journal would refuse; writes nothing."""
        self._journal.check()

    def close(self, seconds_max: float) -> None:
        """Wait for the thread, at most `seconds_max`, and close the journal."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(seconds_max)
            if self._thread.is_alive():
                log.error("%d hits are lost: the disk did not take them in time", self.at_risk)
                return
        self._journal.close()

    def _guard(self, took: float) -> None:
        self._guarded_until = self._monotonic() + WELL_SECONDS
        log.warning(
            "journal %s: a write took %.0f ms (journal.write_ms_max is %.0f); answers leave at "
            "the bound until the disk is well again",
            self._journal.folder, took * 1000, self._write_seconds_max * 1000,
        )  # fmt: skip

    def _append_in_thread(self, lines: Sequence[bytes]) -> bool:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_jobs, name="journal", daemon=True)
            self._thread.start()
        job = _Job(lines)
        if self._at_risk_bytes + job.size > AT_RISK_BYTES_MAX:
            raise JournalRefused(
                f"journal {self._journal.folder}: the disk has not taken a write for a while, and "
                f"{self._at_risk_bytes} bytes of hits wait in memory already"
            )
        self._jobs.put(job)
        if not self._at_risk and job.done.wait(self._write_seconds_max):
            if job.refusal is not None:
                raise job.refusal
            return True
        if not self._at_risk:
            self._guarded_until = self._monotonic() + WELL_SECONDS
            log.error("journal %s: hits are at risk, the disk is stuck", self._journal.folder)
        self._at_risk.append(job)
        self._at_risk_bytes += job.size
        return False

    def _write_jobs(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._journal.append(job.lines)
            except JournalRefused as refusal:
                job.refusal = refusal
            finally:
                job.done.set()
