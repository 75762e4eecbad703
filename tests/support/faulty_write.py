"""write(2) with faults that a test orders: short writes, a disk that is full after some bytes."""

import errno
import os


class FaultyWrite:
    """Use it as the writer's `write`. Faults are used up by one append each."""

    def __init__(self) -> None:
        self.short: list[int] = []
        self.full_after: int | None = None
        self.error = errno.ENOSPC

    def __call__(self, file: int, data: bytes) -> int:
        """Write as ordered."""
        if self.full_after is not None:
            if self.full_after == 0:
                self.full_after = None
                raise OSError(self.error, os.strerror(self.error))
            written = os.write(file, data[: self.full_after])
            self.full_after -= written
            return written
        return os.write(file, data[: self.short.pop()] if self.short else data)
