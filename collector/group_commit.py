"""Group commit: all hits of one event-loop turn are one write, then their answers leave.

The one place where an answer waits for the disk. What the journal refuses is counted, and logged
once a second at most, never raised: a pixel is answered all the same, an API caller is told.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from collector.guarded_journal import GuardedJournal
from collector.metrics import Counters
from schemas.journal.writer import JournalRefused

log = logging.getLogger(__name__)


class Answerable(Protocol):
    """A connection that an answer can be written to (an asyncio transport, say)."""

    def write(self, data: bytes, /) -> None:
        """Send bytes; must not block or raise."""

    def close(self) -> None:
        """Close when all is sent."""


class _Waiter(NamedTuple):
    """A request of the application: its lines are those from `first` to before `end`."""

    first: int
    end: int
    endpoint: str
    future: asyncio.Future[bool]


class GroupCommit:
    """Collects one turn's hits and answers; writes the hits, then sends the answers."""

    def __init__(
        self,
        journal: GuardedJournal,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
        monotonic: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._loop = loop
        self._monotonic = monotonic
        # One turn's hits, and what is done when they are written.
        self._lines: list[bytes] = []
        self._answers: list[tuple[Answerable, bytes, bool]] = []
        self._waiters: list[_Waiter] = []
        self._is_scheduled = False
        # Called when the turn ends, before anything is written; it may add hits.
        self.before_write: Callable[[], None] = lambda: None
        # What the journal last said when it refused; empty when it keeps hits.
        self.problem = ""
        self._problem_logged_at = float("-inf")

    def add(self, line: bytes, connection: Answerable, answer: bytes, close: bool = False) -> None:
        """Take a hit, and the answer that leaves when it is written; it may be the last one.

        An empty line is a hit that is not to be kept: its answer leaves with the others.
        """
        if not self._is_scheduled:
            self.schedule()
        if line:
            self._lines.append(line)
        self._answers.append((connection, answer, close))

    def extend(
        self, lines: Sequence[bytes], answers: Sequence[tuple[Answerable, bytes, bool]]
    ) -> None:
        """Take hits and answers, each with its connection and whether it is the last."""
        self.schedule()
        self._lines += lines
        self._answers += answers

    def kept(self, lines: list[bytes], endpoint: str) -> asyncio.Future[bool]:
        """Take hits of one request; the future tells whether all of them are in the journal.

        As with `add`, an empty line is a hit that is not to be kept.
        """
        future: asyncio.Future[bool] = self._loop.create_future()
        lines = [line for line in lines if line]
        if not lines:
            future.set_result(True)
            return future
        if not self._is_scheduled:
            self.schedule()
        first = len(self._lines)
        self._lines.extend(lines)
        self._waiters.append(_Waiter(first, len(self._lines), endpoint, future))
        return future

    def schedule(self) -> None:
        """See that this turn ends with a write."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write the hits taken so far and send their answers. Blocks on the local disk only."""
        self.before_write()
        self._is_scheduled = False
        lines, answers, waiters = self._lines, self._answers, self._waiters
        if not (lines or answers):
            return
        self._lines, self._answers, self._waiters = [], [], []
        kept = self._write(lines) if lines else 0
        for connection, answer, close in answers:
            connection.write(answer)
            if close:
                connection.close()
        if not waiters:
            self._counters.hits["pixel"] += kept
            return
        counted = 0
        for waiter in waiters:
            of_waiter = max(0, min(waiter.end, kept) - waiter.first)
            self._counters.hits[waiter.endpoint] += of_waiter
            counted += of_waiter
            if not waiter.future.done():
                waiter.future.set_result(waiter.end <= kept)
        self._counters.hits["pixel"] += kept - counted

    def _write(self, lines: list[bytes]) -> int:
        kept = self._append(lines)
        self._counters.write_seconds.observe(self._journal.took)
        self._counters.batches += 1
        return kept

    def tend(self) -> None:
        """Settle what was at risk and look at the disk; once a second is fine.

        Without it a collector that a load balancer took out, being not ready, would never be ready.
        """
        self._settle()
        self._journal.tend()
        if self._journal.at_risk:
            self.problem = f"{self._journal.at_risk} hits wait for the disk"
        elif self.problem:
            try:
                self._journal.check()
            except JournalRefused as refusal:
                self.problem = str(refusal)
            else:
                self.problem = ""

    def _append(self, lines: list[bytes]) -> int:
        """Write lines; return how many of them are kept (those at risk count as kept here)."""
        try:
            in_journal = self._journal.append(lines)
        except JournalRefused as refusal:
            self._counters.lost += len(lines) - refusal.kept
            self._report(str(refusal))
            return refusal.kept
        if not in_journal:
            self._counters.at_risk += len(lines)
            self._settle()
        return len(lines)

    def _settle(self) -> None:
        _, lost = self._journal.settle()
        self._counters.lost += lost

    def _report(self, problem: str) -> None:
        self.problem = problem
        now = self._monotonic()
        if now - self._problem_logged_at >= 1:
            self._problem_logged_at = now
            log.error("hits are lost (%d so far): %s", self._counters.lost, problem)
