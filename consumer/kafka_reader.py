"""Reads a feed by offset: the lines of one batch of records after another.

Raises what stands in the way as the source's own errors. Knows nothing of batches or states.
"""

import asyncio
from collections.abc import Iterator

from consumer.kafka_fetcher import Feed
from consumer.kafka_records import Damaged, Lines, decode
from schemas.delivery import SourceAway

NOWHERE = -1


class Reader:
    """`next` is the offset behind what was taken; `end`, if there is one, is where to stop."""

    def __init__(self, feed: Feed, name: str) -> None:
        self.next = NOWHERE
        self.feed = feed
        self._name = name
        self._end: int | None = None
        self._decoded: Iterator[Lines] | None = None

    @property
    def arrived(self) -> asyncio.Event:
        """Set while there may be something to take."""
        return self.feed.arrived

    def seek(self, position: int, end: int | None = None) -> None:
        """Read from `position` on, records with offsets below `end`."""
        self.next, self._end, self._decoded = position, end, None
        self.feed.seek(position)

    def take(self) -> Lines | None:
        """Return the lines of the next batch of records, None if none is there yet.

        Raises OutOfRange, SourceAway (what the fetch met, or damage).
        """
        while True:
            if self._decoded is None:
                piece = self.feed.take()
                if piece is None:
                    return None
                self._decoded = decode(piece, self.next, self._end)
            try:
                lines = next(self._decoded, None)
            except Damaged as error:
                self.seek(self.next, self._end)
                raise SourceAway(
                    f"{self._name} is damaged on a broker's disk, reading waits there: {error}"
                ) from error
            if lines is not None:
                self.next = max(self.next, lines.next_offset)
                return lines
            self._decoded = None
