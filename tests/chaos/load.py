"""A steady load of pixels and beacons that writes down what was answered, and how.

Each hit has an event id of its own, never used again. What became of it for its client is one of
`Outcome`. Only whole answers count: a request that was cut off may be kept or not.
"""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum
from types import TracebackType
from typing import Self

import orjson

from tests.support.raw_http import ConnectionEnded, RawConnection

EVENT = "Chaos"
BEACON_EVENTS = 3


class Outcome(Enum):
    """What a client knows of its hit."""

    KEPT = "a beacon was answered with 204"
    ANSWERED = "a pixel was answered"
    REFUSED = "a beacon was answered with 503: it may be sent again"
    CUT_OFF = "no whole answer came"


class Load:
    """Threads that ask one collector over keep-alive connections until the context ends.

    Each of them takes turns: a pixel, a pixel, a beacon of three events.
    """

    def __init__(self, name: str, port: int, *, threads: int, pause_seconds: float) -> None:
        self.name = name
        self._port = port
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        # Each thread has its own; appended to by it alone.
        self._logs: list[dict[Outcome, list[str]]] = [defaultdict(list) for _ in range(threads)]
        self._failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"load-{name}-{number}")
            for number in range(threads)
        ]

    def ids(self, outcome: Outcome) -> Sequence[str]:
        """Return the event ids with this outcome so far."""
        return [event_id for log in self._logs for event_id in log.get(outcome, ())]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; what was under way is waited for. Raises what a thread met. Safe to repeat."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures.pop()

    def _run(self, number: int) -> None:
        count = 0
        try:
            while not self._stop.is_set():
                try:
                    with RawConnection(self._port) as connection:
                        count = self._ask(connection, number, count)
                except OSError:
                    # Nobody listens: the collector is being started again.
                    self._stop.wait(self._pause_seconds)
        except Exception as error:
            self._failures.append(error)
            raise

    def _ask(self, connection: RawConnection, number: int, count: int) -> int:
        """Send requests until the connection or the load ends; return the next request's number."""
        log = self._logs[number]
        while True:
            name = f"{self.name}-{number}-{count}"
            beacon = count % 3 == 2
            ids = [f"{name}-{event}" for event in range(BEACON_EVENTS)] if beacon else [name]
            count += 1
            try:
                connection.send(_beacon(ids) if beacon else _pixel(name))
                status = connection.answer().status
            except (ConnectionEnded, OSError):
                log[Outcome.CUT_OFF] += ids
                return count
            log[_OUTCOMES[beacon, status]] += ids
            if self._stop.wait(self._pause_seconds):
                return count


# Any other status is a fault of the collector: a KeyError, which fails the run.
_OUTCOMES: Mapping[tuple[bool, int], Outcome] = {
    (False, 200): Outcome.ANSWERED,
    (True, 204): Outcome.KEPT,
    (True, 503): Outcome.REFUSED,
}


def _pixel(event_id: str) -> bytes:
    return (
        f"GET /p.gif?e={EVENT}&eid={event_id}&u=https://shop.example/ HTTP/1.1\r\n"
        "Host: chaos\r\nUser-Agent: Mozilla/5.0\r\n\r\n"
    ).encode()


def _beacon(ids: Sequence[str]) -> bytes:
    body = orjson.dumps([{"e": EVENT, "eid": event_id} for event_id in ids])
    head = f"POST /p HTTP/1.1\r\nHost: chaos\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
