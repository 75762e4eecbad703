"""A log file, plain or gzipped, as ranges of whole lines; and what tells it from other files.

A file is known by its first bytes, as many as it had when it was last seen: it may grow, be
renamed and be gzipped, and stays the same. Positions are those of its text, unzipped.
"""

import gzip
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self, cast

# About a hundred thousand hits; a line longer than this is no line of a log.
RANGE_BYTES: Final = 16 * 1024**2
KNOWN_BY_BYTES_MAX: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"


class Range(NamedTuple):
    """Whole lines, and the position that follows them."""

    data: bytes
    end: int


class LogFile:
    """One file, open for reading; a context manager."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        self.is_gzip = self._raw.peek(2)[:2] == _GZIP
        self._text: BinaryIO = (
            cast("BinaryIO", gzip.GzipFile(fileobj=self._raw)) if self.is_gzip else self._raw
        )
        self.head = self._text.read(KNOWN_BY_BYTES_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._text.close()
        self._raw.close()

    def read_so_far(self) -> int:
        """Return how many bytes of the file, as it lies on disk, were read."""
        return self._raw.tell()

    def is_known_by(self, size: int, digest: str) -> bool:
        """Tell whether this is the file whose first `size` bytes have this SHA-256."""
        return len(self.head) >= size and sha256(self.head[:size]).hexdigest() == digest

    def ranges(self, position: int, end: int | None) -> Iterator[Range]:
        """Yield ranges of whole lines from a position on; the first one up to `end`, if given."""
        self._text.seek(position)
        if end is not None:
            yield Range(self._text.read(end - position), end)
            position = end
        while data := self._whole_lines():
            position += len(data)
            yield Range(data, position)

    def _whole_lines(self) -> bytes:
        data = self._text.read(RANGE_BYTES)
        if not data.endswith(b"\n"):
            data += self._text.readline(RANGE_BYTES)
        if data.endswith(b"\n") or self.is_gzip or len(data) == 2 * RANGE_BYTES:
            return data
        # Somebody may be writing the last line.
        return data[: data.rfind(b"\n") + 1]
