"""The consumer's metrics that only Kafka has, and the snapshot of all when it reads a topic."""

from collections.abc import Sequence

from consumer.clickhouse_sink import ClickHouseSink
from consumer.kafka_partitions import Partitions
from consumer.metrics import LINE_BYTES_GUESS, counted
from schemas.metric_table import Metric, Snapshot
from schemas.pump import Tally

KAFKA_METRICS: Sequence[Metric] = (
    Metric("consumer_partitions", "gauge", "Partitions of the topic that this consumer has.",
           "A consumer less: its partitions came here."),
    Metric("consumer_partitions_stuck", "gauge", "Those that something keeps from moving.",
           "See the process's problem."),
    Metric("consumer_partition_lag_hits", "gauge", "Offsets of a partition not known to be "
           "written; aborted transactions and two control records for each count too.",
           "One alone: a partition is stuck, or far more visitors fall into it.", "partition"),
    Metric("consumer_rebalances_total", "counter", "Times that partitions were shared out anew.",
           "Consumers come and go, or stand still for kafka.session_timeout_ms."),
    Metric("consumer_memberships_total", "counter", "Times that the group was joined anew: at the "
           "start, and after a commit whose outcome is not known.", "Brokers restart or time out."),
)  # fmt: skip


def kafka_snapshot(
    tally: Tally, partitions: Partitions, sink: ClickHouseSink, now: float
) -> Snapshot:
    """Return the value of each metric; `now` is in seconds since 1970."""
    lags, oldest = {}, now
    for partition, source in partitions.sources.items():
        lags[str(partition)] = behind = source.behind(partitions.pumps[partition].position)
        time_ms = source.oldest_ms()
        if behind and time_ms is not None:
            oldest = min(oldest, time_ms / 1000)
    lag_hits = sum(lags.values())
    lines = tally.rows + tally.dead_letters
    line_bytes = tally.bytes / lines if lines else LINE_BYTES_GUESS
    lag = {
        "consumer_lag_bytes": round(lag_hits * line_bytes),
        "consumer_lag_hits": lag_hits,
        "consumer_lag_seconds": round(max(0.0, now - oldest), 3),
    }
    return {
        **counted(tally, sink),
        # Out of the group nobody knows; a lag of 0 would say that all is well.
        **({} if partitions.trouble else lag),
        "consumer_partitions": len(partitions.sources),
        "consumer_partitions_stuck": sum(bool(pump.trouble) for pump in partitions.pumps.values()),
        "consumer_partition_lag_hits": lags,
        "consumer_rebalances_total": partitions.rebalances,
        "consumer_memberships_total": partitions.memberships,
    }
