"""Whether every answered hit is one row, from what clients know and what the store has. Pure.

A beacon's 204 says that its hits are kept, so each must be a row. A pixel is answered also by a
collector whose disk is full; what it does not keep it counts. So pixels may be missing, but exactly
as many as were counted, and only of a collector whose disk was full.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Clients:
    """What the clients of one collector know, as event ids."""

    kept: Sequence[str]
    answered: Sequence[str]
    refused: Sequence[str]
    cut_off: Sequence[str]
    lost_counted: int
    """Hits that this collector counted as lost while its disk was full."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The numbers, and every sentence of what is wrong; none means that the promise held."""

    answered: int
    rows: int
    missing: Sequence[str]
    twice: Sequence[str]
    lost: int
    lost_counted: int
    faults: Sequence[str] = field(default_factory=tuple)


def judge(clients: Sequence[Clients], rows: Iterable[str], dead_letters: int) -> Verdict:
    """Compare; `rows` are the event ids of all rows, as often as they are there."""
    counts = Counter(rows)
    faults = []
    twice = sorted(event_id for event_id, count in counts.items() if count > 1)
    if twice:
        faults.append(f"{len(twice)} hits are rows more than once: {_some(twice)}")
    known: set[str] = set()
    missing: list[str] = []
    lost = lost_counted = 0
    for one in clients:
        known.update(one.kept, one.answered, one.refused, one.cut_off)
        missing += [event_id for event_id in one.kept if event_id not in counts]
        pixels = [event_id for event_id in one.answered if event_id not in counts]
        refused = [event_id for event_id in one.refused if event_id not in counts]
        cut_off = sum(event_id not in counts for event_id in one.cut_off)
        lost += len(pixels)
        lost_counted += one.lost_counted
        if not one.lost_counted:
            missing += pixels
        # What was cut off may have been lost and counted, or never have arrived.
        elif not 0 <= one.lost_counted - len(pixels) - len(refused) <= cut_off:
            faults.append(
                f"{one.lost_counted} hits were counted as lost, but {len(pixels)} answered pixels "
                f"and {len(refused)} refused events are no rows: {_some(pixels)}"
            )
    if missing:
        faults.append(f"{len(missing)} answered hits are missing: {_some(missing)}")
    strangers = sorted(set(counts) - known)
    if strangers:
        faults.append(f"{len(strangers)} rows are of no request: {_some(strangers)}")
    if dead_letters:
        faults.append(f"{dead_letters} dead letters")
    answered = sum(len(one.kept) + len(one.answered) for one in clients)
    return Verdict(answered, counts.total(), missing, twice, lost, lost_counted, tuple(faults))


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more
