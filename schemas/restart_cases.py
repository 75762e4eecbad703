"""What a pump does at its start: one table of what is remembered and what the source still holds.

`schemas.pump` dispatches on it, docs/delivery.md prints it, and tests/schemas/test_delivery.py runs
every row. Pure: knows nothing of how a state is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from schemas.delivery import Span, State


class Memory(Enum):
    """What the source remembers."""

    NOTHING = "nothing"
    DONE = "a position, nothing under way"
    FIXED = "a range under way"
    DECIDED = "a range under way, and which of its rows are refused"


class Held(Enum):
    """What the source holds of the remembered range, or of the position if none is under way."""

    WHOLE = "all of it"
    HEAD_GONE = "its end only"
    TAIL_GONE = "its start only"
    LATER_ONLY = "none of it, but later lines"
    EARLIER_ONLY = "none of it, and nothing later"


class Action(Enum):
    """How the pump starts."""

    START = "start at the oldest line"
    CONTINUE = "continue at the position"
    REPLAY = "write the range again under its token"
    REPLAY_REST = "write what is left of the range under its token; log what is gone"
    SKIP = "continue behind the range; log what is gone"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table; `why` is the argument that nothing is lost or doubled by the action."""

    memory: Memory
    held: Held
    action: Action
    why: str


_REPLAY = "The store drops the block if it has the token, and takes it if not."
_REST = (
    "If the store has the token, it has all rows and drops this; if not, the rest is all there is."
)
_CUT = "A power cut took lines the pump had read; the journal's writer goes on at their end."
_GONE = "Lines were deleted (retention, or by hand) before they were known to be written."

CASES: Sequence[Case] = (
    Case(Memory.NOTHING, Held.WHOLE, Action.START, "Nothing was ever written from this source."),
    Case(Memory.DONE, Held.WHOLE, Action.CONTINUE, "All lines before the position are written."),
    Case(Memory.DONE, Held.LATER_ONLY, Action.SKIP, _GONE),
    Case(Memory.DONE, Held.EARLIER_ONLY, Action.CONTINUE, _CUT),
    Case(Memory.FIXED, Held.WHOLE, Action.REPLAY, _REPLAY),
    Case(Memory.FIXED, Held.HEAD_GONE, Action.REPLAY_REST, _REST),
    Case(Memory.FIXED, Held.TAIL_GONE, Action.REPLAY_REST, _REST),
    Case(Memory.FIXED, Held.LATER_ONLY, Action.SKIP, _GONE),
    Case(Memory.FIXED, Held.EARLIER_ONLY, Action.SKIP, _CUT),
    Case(Memory.DECIDED, Held.WHOLE, Action.REPLAY, _REPLAY + " The same rows are refused again."),
    Case(Memory.DECIDED, Held.HEAD_GONE, Action.REPLAY_REST, _REST),
    Case(Memory.DECIDED, Held.TAIL_GONE, Action.REPLAY_REST, _REST),
    Case(Memory.DECIDED, Held.LATER_ONLY, Action.SKIP, _GONE),
    Case(Memory.DECIDED, Held.EARLIER_ONLY, Action.SKIP, _CUT),
)

_BY_SITUATION = {(case.memory, case.held): case for case in CASES}


def case_of(state: State | None, span: Span) -> Case:
    """Return the row for a remembered state and what the source holds."""
    return _BY_SITUATION[memory_of(state), held_of(state, span)]


def memory_of(state: State | None) -> Memory:
    """Return what kind of memory a state is."""
    if state is None:
        return Memory.NOTHING
    if state.end == state.position:
        return Memory.DONE
    return Memory.DECIDED if state.reasons else Memory.FIXED


def held_of(state: State | None, span: Span) -> Held:
    """Return how what the source holds relates to the remembered range."""
    if state is None:
        return Held.WHOLE
    if state.end == state.position:
        if span.start > state.position:
            return Held.LATER_ONLY
        return Held.WHOLE if span.end >= state.position else Held.EARLIER_ONLY
    if span.start >= state.end:
        return Held.LATER_ONLY
    if span.end <= state.position:
        return Held.EARLIER_ONLY
    if span.start > state.position:
        return Held.HEAD_GONE
    return Held.WHOLE if span.end >= state.end else Held.TAIL_GONE
