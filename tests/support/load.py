"""A steady load of pixel requests that remembers which hits were answered.

    with PixelLoad(port, connections=4) as load:
        ...                       # kill whatever
    assert rows == load.answered

Each request has an event id of its own. An id counts as answered only when its whole answer has
arrived; one that was cut off may be kept or not, and its id is not used again. Threads and plain
sockets: the load must not share anything with what it tests.
"""

import itertools
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.support.raw_http import ConnectionEnded, RawConnection

PAUSE_SECONDS = 0.002


class PixelLoad:
    """Threads that ask for the pixel over keep-alive connections until the context ends."""

    def __init__(
        self, port: int, *, connections: int = 4, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self.port = port
        # Written by one thread each, read when all have ended.
        self._answered: list[list[str]] = [[] for _ in range(connections)]
        self._cut_off: list[list[str]] = [[] for _ in range(connections)]
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(connections)
        ]

    @property
    def answered(self) -> list[str]:
        """The event ids whose answers arrived."""
        return [event_id for ids in self._answered for event_id in ids]

    @property
    def cut_off(self) -> list[str]:
        """The event ids of requests whose answers did not arrive."""
        return [event_id for ids in self._cut_off for event_id in ids]

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
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        ids = (f"{number}-{count}" for count in itertools.count())
        while not self._stop.is_set():
            try:
                with RawConnection(self.port) as connection:
                    self._ask(connection, number, ids)
            except OSError:
                # Nobody listens: a worker is being started again.
                self._stop.wait(self._pause_seconds)

    def _ask(self, connection: RawConnection, number: int, ids: Iterator[str]) -> None:
        for event_id in ids:
            connection.send(
                f"GET /p.gif?e=Load&eid={event_id} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
            )
            try:
                answer = connection.answer()
            except (ConnectionEnded, OSError):
                self._cut_off[number].append(event_id)
                return
            assert answer.status == 200
            self._answered[number].append(event_id)
            if self._stop.wait(self._pause_seconds):
                return
