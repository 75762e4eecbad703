"""Building hits without a worker, and judging a line as an outside reader would.

The schema check covers the part of JSON Schema that `schemas.hit.json_schema` uses, so that no
library is needed for it.
"""

import random
import tempfile
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from collector.build_hit import HitBuilder
from collector.consent import ConsentReader
from collector.daily_visitors import DailyVisitors
from collector.facts import KEPT, Facts, FactsReader, Kept, keep
from collector.metrics import Counters
from collector.settings import CollectorSettings
from collector.sites import Sites
from collector.visitor_cookie import VisitorCookie
from schemas import hit, limits
from tests.support.visitors import SECRETS

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "number": (int, float), "object": dict, "array": list,
}  # fmt: skip
NOW_MS = 1_795_500_462_670


class Bench:
    """A hit builder with a clock that stands at `now_ms` and settings of its own."""

    def __init__(self, **settings: Any) -> None:
        self.settings = CollectorSettings.model_validate(settings)
        self.counters = Counters()
        self.now_ms = NOW_MS
        consent = ConsentReader(self.settings)
        cookie = VisitorCookie(self.settings, SECRETS.signer("cookie"))
        salt = Path(tempfile.gettempdir()) / f"heliograph-{uuid.uuid4()}.salt"
        self.daily = DailyVisitors(salt, _counted_bytes())
        self.sites = Sites(self.settings)
        self.reader = FactsReader(self.settings, consent, cookie)
        self.builder = HitBuilder(
            self.settings,
            self.counters,
            lambda: self.now_ms,
            _counted_bytes(),
            self.sites,
            SECRETS,
            consent,
            cookie,
            self.daily,
        )

    def facts(
        self, headers: Iterable[tuple[bytes, bytes]] = (), peer: str = "203.0.113.77"
    ) -> Facts:
        """Return the facts of a header block."""
        kept: Kept = {}
        for name, value in headers:
            if name.lower() in KEPT:
                keep(kept, name.lower(), value)
        return self.reader.read(kept, peer)

    def pixel(
        self, query: str, *headers: tuple[bytes, bytes], peer: str = "203.0.113.77"
    ) -> dict[str, Any]:
        """Return a pixel's hit, checked."""
        line, _ = self.builder.from_query(self.facts(headers, peer), query, "GET")
        return checked(line)


def checked(line: bytes) -> dict[str, Any]:
    """Return a line's hit; fail unless it is one line of JSON that the hit's schema allows."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= limits.LINE_BYTES_MAX
    members: dict[str, Any] = orjson.loads(line)
    schema = hit.json_schema()
    assert set(schema["required"]) <= set(members)
    for name, value in members.items():
        # Additive for readers, but a writer of this version knows all its members.
        _check(schema["properties"][name], name, value)
        bytes_max = hit.BY_NAME[name].bytes_max
        if bytes_max and isinstance(value, str):
            assert len(value.encode()) <= bytes_max, name
    assert hit.id_of(line).decode() == members["id"]
    assert hit.received_at_of(line).decode() == members["received_at"]
    return members


def _check(schema: dict[str, Any], name: str, value: Any) -> None:
    assert isinstance(value, TYPES[schema["type"]]), name
    assert not isinstance(value, bool), name
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        assert isinstance(inner, str), name
    if schema.get("format") == "uuid":
        assert str(uuid.UUID(str(value))) == value
    if schema.get("format") == "date-time":
        assert datetime.fromisoformat(value).utcoffset() is not None
        assert len(value) == 24


def _counted_bytes() -> Callable[[int], bytes]:
    """Return a source of bytes that differ from each other, the same in every run."""
    return random.Random(1).randbytes
