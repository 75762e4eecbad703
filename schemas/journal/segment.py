"""Names of segments and positions: which file of a journal holds which bytes.

A segment's name is the position of its first byte, in 20 digits, so names sort as positions do.
Must not know what a line says.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".ndjson"
TAIL_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: `base` is the position of its first byte."""

    path: Path
    base: int

    @property
    def size(self) -> int:
        """Bytes now in the file; raises FileNotFoundError if it was deleted."""
        return self.path.stat().st_size

    @property
    def end(self) -> int:
        """Position behind the last byte now in the file."""
        return self.base + self.size


def segment_path(folder: Path, base: int) -> Path:
    """Return the path of the segment that begins at position `base`."""
    return folder / f"{base:020d}{SUFFIX}"


def segments(folder: Path) -> Sequence[Segment]:
    """Return the journal's segments, oldest first; empty if the folder does not exist."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except FileNotFoundError:
        return ()
    return [Segment(folder / name, int(name.removesuffix(SUFFIX))) for name in names]


def whole_lines_size(path: Path) -> int:
    """Return how many bytes of the file are whole lines: up to and with its last newline."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - TAIL_READ_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def journals(parent: Path) -> list[Path]:
    """Return the folders of all journals under `parent`, sorted by name."""
    return sorted(path.parent for path in parent.glob("*/identity"))
