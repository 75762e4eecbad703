"""The numbers the store reports: one table for code, documentation, alerts and dashboards.

Invariant: every counter is a plain int, added to in the event loop, read once a second.
"""

from collections import Counter
from dataclasses import dataclass, field

from schemas.metric_table import Metric, Snapshot

METRICS = (
    Metric(
        "store_queries_total",
        "counter",
        "Queries that were begun, by kind: insert, read, other",
        "Load rises; compare with store_queries_running",
        label="kind",
    ),
    Metric(
        "store_queries_failed_total",
        "counter",
        "Queries that ended with an error of the engine, by its ClickHouse error code",
        "Look the code up in system.errors; 241 is memory, 252 too many parts",
        label="code",
    ),
    Metric(
        "store_requests_rejected_total",
        "counter",
        "Requests refused before the engine saw them, by reason",
        "host, origin: somebody's page tries; busy: raise store.queries_running_max; size: a body "
        "is over a limit; password: a client is set up wrong",
        label="reason",
    ),
    Metric(
        "store_queries_running",
        "gauge",
        "Queries running now",
        "Near store.queries_running_max clients get 503; look at system.processes",
    ),
    Metric(
        "store_inserted_rows_total",
        "counter",
        "Rows of acknowledged inserts, those dropped as duplicates included",
        "Nothing: this is the work",
    ),
    Metric(
        "store_inserted_bytes_total",
        "counter",
        "Bytes of acknowledged inserts as the engine counts them, in memory",
        "Nothing: this is the work",
    ),
    Metric(
        "store_queries_abandoned_total",
        "counter",
        "Queries killed because their client was gone",
        "Clients give up: queries are slow or time-outs short",
    ),
)


@dataclass(slots=True)
class Counters:
    """The numbers behind `METRICS`."""

    queries: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    running: int = 0
    reader_running: int = 0
    inserted_rows: int = 0
    inserted_bytes: int = 0
    abandoned: int = 0

    def snapshot(self) -> Snapshot:
        """Return the value of each metric by name."""
        return {
            "store_queries_total": dict(self.queries),
            "store_queries_failed_total": dict(self.failed),
            "store_requests_rejected_total": dict(self.rejected),
            "store_queries_running": self.running,
            "store_inserted_rows_total": self.inserted_rows,
            "store_inserted_bytes_total": self.inserted_bytes,
            "store_queries_abandoned_total": self.abandoned,
        }
