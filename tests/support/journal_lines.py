"""Three lines, a writer with roomy limits, and all that a reader finds in a journal."""

from pathlib import Path
from typing import Any

from schemas.journal.reader import JournalReader
from schemas.journal.writer import JournalWriter

A, B, C = b'{"n":"a"}\n', b'{"n":"b"}\n', b'{"n":"c"}\n'


def writer(folder: Path, **changes: Any) -> JournalWriter:
    options: dict[str, Any] = {
        "segment_bytes_max": 1 << 20,
        "segment_age_seconds_max": 3600,
        "quota_bytes_max": 1 << 30,
        "monotonic": lambda: 0.0,
    }
    return JournalWriter(folder, **(options | changes))


def all_lines(folder: Path, position: int = 0) -> bytes:
    reader = JournalReader(folder)
    data = b""
    while (chunk := reader.read(position, 1 << 20)).data:
        data += chunk.data
        position = chunk.end
    reader.close()
    return data
