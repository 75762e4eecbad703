"""How many bytes of rows are in memory, of all partitions together."""

import asyncio


class Budget:
    """Counts bytes; each partition may pass `bytes_max` by one batch of records."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self.released = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether nothing more may be taken now."""
        return self.bytes >= self.bytes_max

    def take(self, size: int) -> None:
        """Count bytes that are in memory now."""
        self.bytes += size

    def give_back(self, size: int) -> None:
        """Count bytes that are gone; wakes who waits for room."""
        self.bytes -= size
        self.released.set()
