"""All open connections of a worker: their number, their time-outs, and the end of them all.

Time-outs are kept by one sweep a second over all connections, since a timer per connection would
cost each request a cancel and a start. Knows nothing of HTTP.
"""

import asyncio
from typing import Final, Protocol

from collector.metrics import Counters

IDLE_SECONDS_WHILE_DRAINING = 1.0
# `begun_at` of a connection whose request has arrived and is being answered.
BUSY: Final = float("inf")


class Sweepable(Protocol):
    """A connection that can be timed out."""

    # When it last moved (received something, or could send again), and when the request under way
    # began (0: none is; BUSY: it is being answered).
    active_at: float
    begun_at: float

    def close_idle(self) -> None:
        """Close a connection on which no request is under way."""

    def time_out(self) -> None:
        """Close a connection whose request did not arrive whole in time."""


class Connections:
    """The open connections. `now` is the time of the last sweep, in seconds, monotonic."""

    def __init__(
        self,
        counters: Counters,
        *,
        connections_max: int,
        idle_seconds_max: float,
        read_seconds_max: float,
        now: float,
    ) -> None:
        self._counters = counters
        self._connections_max = connections_max
        self._idle_seconds_max = idle_seconds_max
        self._read_seconds_max = read_seconds_max
        self._stuck_seconds_max = max(idle_seconds_max, read_seconds_max)
        self._open: set[Sweepable] = set()
        self.now = now
        self.draining = False
        self._draining_since = float("inf")

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Sweepable) -> bool:
        """Count a connection in; False if it is one too many."""
        if len(self._open) >= self._connections_max:
            self._counters.connections_refused += 1
            return False
        self._open.add(connection)
        return True

    def replace(self, connection: Sweepable) -> None:
        """Count in a connection that was counted before under another protocol."""
        self._open.add(connection)

    def discard(self, connection: Sweepable) -> None:
        """Count a connection out; nothing happens if it was not counted."""
        self._open.discard(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle, or is arriving, for too long."""
        self.now = now
        if self.draining:
            self._draining_since = min(self._draining_since, now)
        for connection in list(self._open):
            if connection.begun_at == BUSY:
                # Handlers wait for the client only: this one takes no answers.
                if now - connection.active_at >= self._stuck_seconds_max:
                    self._counters.timed_out["idle"] += 1
                    connection.close_idle()
            elif connection.begun_at:
                if now - connection.begun_at > self._read_seconds_max:
                    self._counters.timed_out["read"] += 1
                    connection.time_out()
            elif self._is_idle(connection, now):
                self._counters.timed_out["idle"] += 1
                connection.close_idle()

    def cut(self) -> None:
        """Close all connections, whatever is under way on them."""
        for connection in list(self._open):
            connection.close_idle()

    def _is_idle(self, connection: Sweepable, now: float) -> bool:
        if not self.draining:
            return now - connection.active_at >= self._idle_seconds_max
        # A request that crosses the news on its way is still answered.
        quiet_since = max(connection.active_at, self._draining_since)
        return now - quiet_since >= IDLE_SECONDS_WHILE_DRAINING


def end(transport: asyncio.Transport, last: bytes = b"") -> None:
    """Send `last` and close; a client that has not taken what was sent before is cut off.

    Closing alone waits for it, and so would keep the connection of a client that never reads.
    """
    if transport.get_write_buffer_size():
        transport.abort()
        return
    if last:
        transport.write(last)
    transport.close()
