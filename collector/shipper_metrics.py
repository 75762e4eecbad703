"""The shipper's metrics: what each counts, what a rise means, what to do.

Pumps and sinks add to plain integers; the names here are the only ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collector.record_batches import BatchBuilder
from schemas.metric_table import Metric, Snapshot
from schemas.pump import Tally

METRICS = (
    Metric("shipper_hits_total", "counter",
           "Hits that Kafka has, committed.", "Traffic."),
    Metric("shipper_bytes_total", "counter",
           "Journal bytes read and shipped, before compression.", "Traffic."),
    Metric("shipper_sent_bytes_total", "counter",
           "Bytes of the record batches sent, compressed.",
           "Traffic, or kafka.compression was changed."),
    Metric("shipper_batches_total", "counter",
           "Batches shipped; in exactly-once delivery each is a transaction.",
           "Faster than hits: batches get small, see kafka.linger_ms."),
    Metric("shipper_batch_hits", "histogram",
           "Hits of one batch.",
           "Batches fill up: at kafka.batch_bytes_max the shipper is behind."),
    Metric("shipper_write_seconds", "histogram",
           "Time from a batch's first byte sent to its commit.",
           "Brokers are slow or far; hits reach readers later by as much."),
    Metric("shipper_retries_total", "counter",
           "Tries of anything that failed since Kafka or the journal's disk was away.",
           "See the log, it names the broker and the setting."),
    Metric("shipper_transactions_aborted_total", "counter",
           "Connections thrown away with what was under way; Kafka aborts or finishes it, and the "
           "batch is sent again only if Kafka does not have it.",
           "Brokers restart or time out; steady growth: a fault, see the log."),
    Metric("shipper_connections_total", "counter",
           "Producers opened, one for each journal and after every trouble.",
           "As transactions_aborted_total."),
    Metric("shipper_damaged_lines_total", "counter",
           "Lines shipped that are no hit; the consumer puts them in the dead letters.",
           "The disk is damaged, or something else writes in the journal's folder."),
    Metric("shipper_journals", "gauge",
           "Journals being shipped.", "More workers, or shippers share them anew."),
    Metric("shipper_waiting_bytes", "gauge",
           "Journal bytes that Kafka does not have yet.",
           "Kafka is away or the shipper too slow: at journal.quota_bytes_max hits are lost."),
    Metric("shipper_oldest_seconds", "gauge",
           "Age of the oldest hit that Kafka does not have yet.", "As waiting_bytes."),
    Metric("shipper_away", "gauge",
           "Journals that something keeps from being shipped.",
           "See the process's problem in /readyz and the log."),
)  # fmt: skip


@dataclass(slots=True)
class Counters:
    """What the sinks of one process count."""

    sent_bytes: int = 0
    aborts: int = 0
    connections: int = 0
    damaged: int = 0

    def count(self, batches: Sequence[tuple[int, BatchBuilder]], damaged: int) -> None:
        """Add a range that was sent."""
        self.sent_bytes += sum(batch.size() for _, batch in batches)
        self.damaged += damaged


@dataclass(frozen=True, slots=True)
class Behind:
    """How far one journal is behind: bytes, and the age of their first hit in seconds."""

    bytes: int
    seconds: float
    away: bool


def snapshot(tally: Tally, counters: Counters, journals: Iterable[Behind]) -> Snapshot:
    """Return all numbers by metric name."""
    behind = list(journals)
    return {
        "shipper_hits_total": tally.rows,
        "shipper_bytes_total": tally.bytes,
        "shipper_sent_bytes_total": counters.sent_bytes,
        "shipper_batches_total": tally.batches,
        "shipper_batch_hits": tally.batch_rows.snapshot(),
        "shipper_write_seconds": tally.write_seconds.snapshot(),
        "shipper_retries_total": tally.retries,
        "shipper_transactions_aborted_total": counters.aborts,
        "shipper_connections_total": counters.connections,
        "shipper_damaged_lines_total": counters.damaged,
        "shipper_journals": len(behind),
        "shipper_waiting_bytes": sum(journal.bytes for journal in behind),
        "shipper_oldest_seconds": max((j.seconds for j in behind), default=0.0),
        "shipper_away": sum(journal.away for journal in behind),
    }
