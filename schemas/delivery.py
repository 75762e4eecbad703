"""Delivery: what a pump, its source and its sink agree on, so that each line is written once.

One idea: read a batch, name it, write it, mark it done (`schemas.pump` is that loop). Used for
journal → ClickHouse, Kafka → ClickHouse and journal → Kafka.

Invariants:

1. A position always means the next one to read, and stands for one line for ever within its
   source's `name`: a topic made anew, a journal made anew, is another name.
2. A batch's range is durable before it is written (unless the sink remembers positions itself), so
   a restart writes exactly that range again under exactly that token.
3. A token stands for one set of rows for ever: the range, and which of its rows are left out.

Knows nothing of files, Kafka or ClickHouse.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol


class SinkAway(Exception):
    """The sink can't take anything now, or did not say whether it took it: same batch, same token.

    The message is for a person: it says who did not answer and which setting to look at.
    """


class RowsRefused(Exception):
    """The sink will never take some rows of the batch, and took none of the batch.

    `reasons` holds each refused row's position and why; it is not empty.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} rows refused")
        self.reasons = dict(reasons)


class SourceAway(Exception):
    """The source can't be read, or can't remember (its disk is full, say): try again later."""


class SourceLost(Exception):
    """The source belongs to another process now: drop everything, write nothing more of it."""


@dataclass(frozen=True, slots=True)
class State:
    """What a source remembers across a crash.

    Lines before `position` are written. If `end` is larger, the range `position` to `end` may have
    been written, under its token, without the rows in `reasons` (position of the row → why).
    """

    position: int
    end: int
    reasons: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def done(cls, position: int) -> "State":
        """Return the state in which nothing is under way."""
        return cls(position, position)


@dataclass(frozen=True, slots=True)
class Span:
    """What a source holds now: positions from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row for the dead letters: where it stood, why it was refused, its bytes as they came."""

    position: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one range of one source.

    `data` is the rows as lines, each with its newline (the very last may lack it). A row's position
    is in `positions`, one for each row; without them positions count bytes, and `data` begins at
    `base`. Rows at the positions in `left_out` were refused by the sink and are not to be written.
    `refusals` are the dead letters: those rows, and any that the source itself found unfit, which
    are not in `data` at all.
    """

    source: str
    start: int
    end: int
    data: bytes
    rows: int
    base: int = 0
    positions: Sequence[int] | None = None
    left_out: tuple[int, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def name(self) -> str:
        """The range, ``source:start-end``."""
        return f"{self.source}:{self.start}-{self.end}"

    @property
    def token(self) -> str:
        """The range and a hash of the rows left out: what the sink remembers the rows by."""
        if not self.left_out:
            return self.name
        left_out = ",".join(map(str, self.left_out))
        return f"{self.name}-{hashlib.sha256(left_out.encode()).hexdigest()[:16]}"

    def lines(self) -> list[bytes]:
        """Return the rows of `data` without their newlines, in order. Splits all of it."""
        lines = self.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def row_positions(self) -> Sequence[int]:
        """Return the position of each row of `data`, in order. Splits it if need be."""
        if self.positions is not None:
            return self.positions
        positions, position = [], self.base
        for line in self.lines():
            positions.append(position)
            position += len(line) + 1
        return positions

    def good_data(self) -> bytes:
        """Return `data` without the rows left out; `data` itself, uncopied, if there are none."""
        if not self.left_out:
            return self.data
        left_out = set(self.left_out)
        rows = zip(self.row_positions(), self.lines(), strict=True)
        return b"".join(line + b"\n" for position, line in rows if position not in left_out)

    def leaving_out(self, reasons: Mapping[int, str]) -> "Batch":
        """Return the batch with the rows at these positions left out, and made dead letters.

        A position that is no row of `data` (any more) counts for the token all the same.
        """
        rows = zip(self.row_positions(), self.lines(), strict=True)
        fresh = (
            Refusal(position, reasons[position], line)
            for position, line in rows
            if position in reasons
        )
        return replace(
            self,
            left_out=tuple(sorted({*self.left_out, *reasons})),
            refusals=tuple(sorted((*self.refusals, *fresh), key=lambda one: one.position)),
        )


class Source(Protocol):
    """One journal, or one partition of a topic. Only its pump calls it, one verb at a time, except
    that `read` may run while `remember` does.
    """

    @property
    def name(self) -> str:
        """What a position counts in; see invariant 1."""

    @property
    def refusals_max(self) -> int:
        """How many refused rows one state can hold; the pump cuts a batch that has more."""

    async def recall(self) -> tuple[State | None, Span]:
        """Return what was remembered last (None: never anything), and what the source holds.

        May block; raises SourceAway, SourceLost. Safe to repeat.
        """

    async def remember(self, state: State) -> None:
        """Make `state` durable before returning; memory held for rows before it is free now.

        May block; raises SourceAway (the state before this one then still stands), SourceLost.
        Safe to repeat.
        """

    async def read(self, position: int, stop: asyncio.Event) -> Batch | None:
        """Return the rows from `position` on: when a batch is full, when the first of its rows has
        waited long enough, or at once when `stop` is set. None only if there are none by then.

        Blocks while there is nothing to read, or too much is in memory already; raises SourceAway,
        SourceLost. Safe to repeat and to cancel.
        """

    async def replay(self, start: int, end: int) -> Batch:
        """Return what the source still holds of exactly this range; the name is the range's.

        May block; raises SourceAway, SourceLost. Safe to repeat.
        """

    async def close(self) -> None:
        """Let go of files or memory. Does not block; safe to repeat."""


class Sink(Protocol):
    """Kafka or ClickHouse. Many pumps may share one."""

    @property
    def remembers(self) -> bool:
        """Whether a write also stores, in the same transaction, how far its source was written.

        Then the pump fixes no boundaries before the write, and asks `written` when it starts.
        """

    async def written(self, source: str) -> int | None:
        """Return the position the sink remembers of a source, None if it remembers none.

        May block; raises SinkAway. Safe to repeat.
        """

    async def write(self, batch: Batch) -> None:
        """Write the batch's good rows under its token, then its refusals as dead letters.

        When this returns both are kept, once, however often it was called. May block; raises
        SinkAway (it may be written or not) or RowsRefused (nothing is written); anything else is a
        fault that must stop the process. Safe to repeat and to cancel.
        """

    async def close(self) -> None:
        """Let go of connections. Safe to repeat."""
