"""The consumer's metrics: the table of names, and the snapshot of their values."""

import re
from collections.abc import Sequence
from datetime import datetime

from consumer.clickhouse_sink import ClickHouseSink
from consumer.journals import Journals
from schemas.hit import received_at_of
from schemas.metric_table import Metric, Snapshot
from schemas.pump import Tally

METRICS: Sequence[Metric] = (
    Metric("consumer_rows_total", "counter", "Hits written to ClickHouse.", "Traffic."),
    Metric("consumer_bytes_total", "counter", "Bytes of lines read and written.", "Traffic."),
    Metric("consumer_batches_total", "counter", "Batches written.",
           "More of them than rows explain: raise consumer.batch_age_seconds_max."),
    Metric("consumer_replays_total", "counter", "Batches written again after a restart; those "
           "ClickHouse had already, it dropped.", "The consumer is being killed."),
    Metric("consumer_retries_total", "counter", "Tries that failed, of any kind.",
           "The store or the disk is away: see the process's problem."),
    Metric("consumer_dead_letters_total", "counter", "Lines kept in dead_letters, since the store "
           "refuses them.", "Look at the reasons: SELECT reason, count() FROM dead_letters GROUP "
           "BY reason."),
    Metric("consumer_rows_miscounted_total", "counter", "Lines that an insert read no row for.",
           "Must stay 0: report it, with the line."),
    Metric("consumer_lag_bytes", "gauge", "Bytes of lines that are not known to be written; from "
           "Kafka estimated, by the mean size of a line so far.",
           "The consumer is slower than traffic, or the store is away."),
    Metric("consumer_lag_hits", "gauge", "The same in hits; from journals estimated, by the mean "
           "size of a line so far.", "As consumer_lag_bytes."),
    Metric("consumer_lag_seconds", "gauge", "Age of the oldest hit not known to be written.",
           "As consumer_lag_bytes; reports miss this much."),
    Metric("consumer_journals", "gauge", "Journals being read.", "Workers were added."),
    Metric("consumer_journals_stuck", "gauge", "Journals that something keeps from moving.",
           "See the process's problem."),
    Metric("consumer_write_seconds", "histogram", "How long a batch took to write.",
           "The store is slow: fewer parts (larger batches), or a larger store."),
    Metric("consumer_batch_rows", "histogram", "Hits in a batch, dead letters included.",
           "Many small ones cost the store; all at the maximum means the consumer lags."),
)  # fmt: skip

# The mean size of a line before any was written.
LINE_BYTES_GUESS = 600
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_LINE_HEAD_BYTES = 128


def snapshot(tally: Tally, journals: Journals, sink: ClickHouseSink, now: float) -> Snapshot:
    """Return the value of each metric; `now` is in seconds since 1970. Reads the journals' ends."""
    lag_bytes, oldest = 0, now
    for folder, source in journals.sources.items():
        position = journals.pumps[folder].position
        behind = source.behind(position)
        lag_bytes += behind
        if behind:
            oldest = min(oldest, _received_at(source.peek(position, _LINE_HEAD_BYTES), now))
    lines = tally.rows + tally.dead_letters
    line_bytes = tally.bytes / lines if lines else LINE_BYTES_GUESS
    return {
        **counted(tally, sink),
        "consumer_lag_bytes": lag_bytes,
        "consumer_lag_hits": round(lag_bytes / line_bytes),
        "consumer_lag_seconds": round(max(0.0, now - oldest), 3),
        "consumer_journals": len(journals.sources),
        "consumer_journals_stuck": len(journals.troubles()),
    }


def counted(tally: Tally, sink: ClickHouseSink) -> Snapshot:
    """Return the metrics that do not depend on where hits come from."""
    return {
        "consumer_rows_total": tally.rows,
        "consumer_bytes_total": tally.bytes,
        "consumer_batches_total": tally.batches,
        "consumer_replays_total": tally.replays,
        "consumer_retries_total": tally.retries,
        "consumer_dead_letters_total": tally.dead_letters,
        "consumer_rows_miscounted_total": sink.rows_miscounted,
        "consumer_write_seconds": tally.write_seconds.snapshot(),
        "consumer_batch_rows": tally.batch_rows.snapshot(),
    }


def _received_at(line: bytes, now: float) -> float:
    """Return when a line was received; `now` for a line that does not say."""
    text = received_at_of(line)
    if not _TIME.fullmatch(text):
        return now
    return datetime.fromisoformat(text.decode().replace("Z", "+00:00")).timestamp()
