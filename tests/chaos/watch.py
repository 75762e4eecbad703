"""Looks at the store all the while: how old the newest row of each collector is.

A fault is over when hits that each collector answered after its end are rows. Other faults may be
under way meanwhile, and count into the time.
"""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.chaos.load import EVENT
from tests.chaos.schedule import COLLECTORS
from tests.chaos.system import System

INTERVAL_SECONDS = 0.25
QUESTION = (
    f"SELECT toUnixTimestamp64Milli(max(received_at)) FROM hits WHERE event = '{EVENT}' "
    "AND received_at > now() - 120 GROUP BY substring(event_id, 1, 2)"
)


@dataclass(frozen=True, slots=True)
class Sight:
    """At `at` all hits up to about `newest` of the collector that is furthest behind were rows."""

    at: float
    newest: float


class Watch:
    """A thread that asks the store, past the proxy, until the context ends."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._sights: list[Sight] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def recovered_at(self, end: float) -> float | None:
        """Return when rows from after `end` were seen of every collector; None if not yet."""
        return next((sight.at for sight in self._sights if sight.newest >= end), None)

    def lag_seconds_max(self) -> float:
        """Return the longest time a row took to be seen, roughly."""
        return max((sight.at - sight.newest for sight in self._sights), default=0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            try:
                newest = [int(row) / 1000 for row in self._system.ask(QUESTION)]
            except OSError:
                continue  # the store is down
            if len(newest) == COLLECTORS:
                self._sights.append(Sight(time.time(), min(newest)))
