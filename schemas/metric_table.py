"""Metrics as rows of a table, and the numbers a process reports for them.

A process keeps plain integers and reports a snapshot once a second (`schemas.child`); whoever
serves ``/metrics`` renders snapshots with the rows. So the hot path never touches a metrics
library, and code, docs, alerts and dashboards share one name for each number. Knows nothing of
Prometheus.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

# What every name is served with; the tables leave it out.
PREFIX = "heliograph_"

Number: TypeAlias = int | float
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: what a number means and what to do when it rises.

    `label` names the one label a metric may have; a snapshot then holds a mapping from label value
    to number instead of a number.
    """

    name: str
    kind: Kind
    counts: str
    when_it_rises: str
    label: str | None = None


class Histogram:
    """Cumulative-on-read histogram over fixed upper bounds, in seconds; `observe` is one bisect."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.buckets = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.buckets[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def snapshot(self) -> dict[str, list[float] | list[int] | float]:
        """Return bounds, the count of each bucket (the last is +Inf), and the sum in seconds."""
        return {"bounds": list(self.bounds), "buckets": list(self.buckets), "sum": self.total}


Value: TypeAlias = Number | Mapping[str, Number] | Mapping[str, list[float] | list[int] | float]
Snapshot: TypeAlias = Mapping[str, Value]


def counted_together(rows: Sequence[Metric], earlier: Snapshot, later: Snapshot) -> Snapshot:
    """Return what two lives of a process counted; gauges are those of the later life only.

    A counter must not fall when a process is started again.
    """
    gauges = {row.name for row in rows if row.kind == "gauge"}
    together: dict[str, Value] = dict(later)
    for name, value in earlier.items():
        if name not in gauges:
            together[name] = _sum(value, later[name]) if name in later else value
    return together


def _sum(one: Value, other: Value) -> Value:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one + other
    first, second = cast("Mapping[str, Any]", one), cast("Mapping[str, Any]", other)
    joined: dict[str, Any] = dict(first)
    for key, value in second.items():
        before = joined.get(key, 0)
        if key == "bounds":
            joined[key] = value
        elif isinstance(value, list):
            joined[key] = [a + b for a, b in zip(before, value, strict=True)]
        else:
            joined[key] = before + value
    return joined
