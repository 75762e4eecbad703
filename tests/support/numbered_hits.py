"""Hits as lines, and journals that hold them, for tests of what comes behind the collector."""

import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from schemas.hit import rfc3339
from schemas.journal.writer import JournalWriter

START_MS = 1_795_500_000_000


def hit_id(number: int) -> str:
    """Return the id of the hit of this number."""
    return str(uuid.UUID(int=number))


def visitor_id(number: int) -> str:
    """Return the visitor of the hit of this number; every third hit has none."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number % 50))) if number % 3 else ""


def line(number: int) -> bytes:
    """Return a hit as a line, newline included."""
    members = {"id": hit_id(number), "received_at": rfc3339(START_MS + number), "event": "PageView"}
    if visitor_id(number):
        members["visitor_id"] = visitor_id(number)
    members["user_agent"] = "Mozilla/5.0 (X11; Linux x86_64) " + "x" * (number % 300)
    return orjson.dumps(members) + b"\n"


def lines(numbers: Iterable[int]) -> Sequence[bytes]:
    """Return the hits of these numbers as lines."""
    return [line(number) for number in numbers]


def open_journal(folder: Path, segment_bytes_max: int = 1024 * 1024) -> JournalWriter:
    """Return a writer of a journal with small segments."""
    return JournalWriter(
        folder,
        segment_bytes_max=segment_bytes_max,
        segment_age_seconds_max=3600,
        quota_bytes_max=10 * 1024**3,
        monotonic=time.monotonic,
    )


def write_journal(folder: Path, numbers: Iterable[int]) -> None:
    """Write a journal that nobody writes any more."""
    writer = open_journal(folder)
    writer.append(lines(numbers))
    writer.close()
