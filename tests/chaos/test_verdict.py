"""What the verdict calls wrong: a table of what clients know and what the store has."""

import pytest

from tests.chaos.verdict import Clients, judge

ROWS = {"kept", "pixel"}


def clients(**changes: object) -> Clients:
    known: dict[str, object] = {
        "kept": ["kept"],
        "answered": ["pixel"],
        "refused": [],
        "cut_off": [],
        "lost_counted": 0,
    }
    return Clients(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        (clients(), ROWS),
        # What was cut off or refused may be a row or not.
        (clients(cut_off=["a", "b"], refused=["c"]), ROWS | {"a", "c"}),
        # A full disk: as many as were counted, of pixels and of refused events.
        (clients(answered=["pixel", "p"], refused=["r"], lost_counted=2), ROWS),
        (clients(answered=["pixel", "p"], refused=["r", "s"], lost_counted=2), ROWS | {"r"}),
        # What was cut off may have been counted as well.
        (clients(answered=["pixel", "p"], cut_off=["c"], lost_counted=2), ROWS),
    ],
)
def test_the_promise_holds(known: Clients, rows: set[str]) -> None:
    assert judge([known], rows, 0).faults == ()


@pytest.mark.parametrize(
    ("known", "rows", "fault"),
    [
        (clients(), ["pixel"], "1 answered hits are missing: kept"),
        (clients(), ["kept"], "1 answered hits are missing: pixel"),
        (clients(), ["kept", "pixel", "kept"], "1 hits are rows more than once: kept"),
        (clients(cut_off=["c"]), ["kept", "pixel", "c", "c"], "rows more than once: c"),
        (clients(), ["kept", "pixel", "x"], "1 rows are of no request: x"),
        (clients(lost_counted=1), ["pixel"], "1 answered hits are missing: kept"),
        (clients(lost_counted=1), ["kept", "pixel"], "1 hits were counted as lost, but 0 answered"),
        (clients(answered=["a", "b"], lost_counted=1), ["kept"], "but 2 answered pixels"),
    ],
)
def test_what_is_wrong_is_said(known: Clients, rows: list[str], fault: str) -> None:
    faults = judge([known], rows, 0).faults
    assert len(faults) >= 1
    assert any(fault in one for one in faults), faults


def test_a_dead_letter_is_a_fault() -> None:
    assert judge([clients()], ROWS, 2).faults == ("2 dead letters",)
