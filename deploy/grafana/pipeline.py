"""The dashboard of the pipeline: does every process work, is anything behind, lost or late."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, lines, metrics, rows
from deploy.grafana.queries import series

_P99 = "histogram_quantile(0.99, sum by (le) (rate({}[$__rate_interval])))"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate(<{metric}>[$__rate_interval]))"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "The processes' own metrics; what each means is in docs/reference/metrics.md."
    built = frame.frame("pipeline", "pipeline health", about, since="now-3h", refresh="15s")
    built.annotation(frame.restarts())
    return frame.with_panels(built, [*_collector(), *_delivery(), *_store()])


def _collector() -> list[Panel]:
    return [
        metrics("Processes that work",
                [series("<process_up>", "{{instance}} {{process}}")],
                "0: it can't do its job; /readyz says why."),
        metrics("Hits kept", [series(_rate("collector_hits_total", "endpoint"), "{{endpoint}}")],
                "By endpoint.", unit="reqps"),
        metrics("Hits lost or at risk",
                [series(_rate("collector_hits_lost_total", "instance"), "{{instance}} lost"),
                 series(_rate("collector_hits_at_risk_total", "instance"), "{{instance}} at risk",
                        "B")],
                "Anything above 0 lost is missing data.", unit="reqps"),
        metrics("Journal write, 99 %",
                [series(_P99.format("<collector_journal_write_seconds_bucket>"), "p99")],
                "What an answer waits for.", unit="s"),
        metrics("Journal", [series("sum by (instance, process) (<collector_journal_bytes>)",
                                   "{{instance}} {{process}}")],
                "At journal.quota_bytes_max hits are lost.", unit="bytes"),
        metrics("Requests refused",
                [series(_rate("collector_requests_refused_total", "status"), "{{status}}")],
                "By status.", unit="reqps"),
        metrics("Connections",
                [series("sum by (instance) (<collector_connections>)", "{{instance}}"),
                 series(_rate("collector_connections_refused_total", "instance"),
                        "{{instance}} refused/s", "B")],
                "Open ones, and those over collector.connections_max."),
        metrics("Hits with problems",
                [series(_rate("collector_hits_with_problems_total", "instance"), "problems"),
                 series(_rate("collector_hits_unlisted_total", "reason"),
                        "unlisted {{reason}}", "B"),
                 series(_rate("collector_links_refused_total", "reason"), "link {{reason}}", "C")],
                "What snippets and links get wrong.", unit="reqps"),
        metrics("Restarts", [series("sum by (instance, process) (increase("
                                    "<process_restarts_total>[$__rate_interval]))",
                                    "{{instance}} {{process}}")],
                "Processes that died and were started again."),
    ]  # fmt: skip


def _delivery() -> list[Panel]:
    return [
        metrics("Lag", [series("max by (instance) (<consumer_lag_seconds>)", "{{instance}}")],
                "Age of the oldest hit not known to be stored.", unit="s"),
        metrics("Hits stored", [series(_rate("consumer_rows_total", "instance"), "{{instance}}")],
                "By consumer.", unit="reqps"),
        metrics("Dead letters",
                [series(_rate("consumer_dead_letters_total", "instance"), "{{instance}}")],
                "Lines that ClickHouse refused.", unit="reqps"),
        metrics("Shipper: waiting for Kafka",
                [series("max by (instance) (<shipper_oldest_seconds>)", "{{instance}}")],
                "Age of the oldest hit that Kafka does not have; empty without Kafka.", unit="s"),
        metrics("Stuck",
                [series("sum by (instance) (<consumer_journals_stuck>)",
                        "{{instance}} journals"),
                 series("sum by (instance) (<consumer_partitions_stuck>)",
                        "{{instance}} partitions", "B"),
                 series("sum by (instance) (<shipper_away>)", "{{instance}} not shipped", "C")],
                "Journals and partitions that something keeps from moving."),
        metrics("Lag by partition",
                [series("max by (partition) (<consumer_partition_lag_hits>)", "{{partition}}")],
                "Hits not stored; empty without Kafka."),
        lines("Received to stored",
              "SELECT minute AS time, lag_ms_median AS median, lag_ms_p99 AS p99 "
              "FROM delivery_lag_by_minute WHERE $__timeFilter(minute) ORDER BY time",
              "What the rows themselves say.", width=12, unit="ms"),
        rows("Dead letters by reason",
             "SELECT reason, sum(dead.letters) AS letters, sum(dead.replayed) AS replayed "
             "FROM dead_letters_by_hour AS dead WHERE hour >= toStartOfHour($__fromTime) "
             "AND hour <= $__toTime GROUP BY reason ORDER BY letters DESC, reason",
             "More in the dashboard of data quality.",
             links={"reason": ("Data quality", frame.leads_to("quality"))}),
    ]  # fmt: skip


def _store() -> list[Panel]:
    return [
        metrics("Batch write, 99 %",
                [series(_P99.format("<consumer_write_seconds_bucket>"), "ClickHouse"),
                 series(_P99.format("<shipper_write_seconds_bucket>"), "Kafka", "B")],
                "From a batch's first byte to its commit.", unit="s"),
        metrics("Retries",
                [series(_rate("consumer_retries_total", "instance"), "{{instance}} consumer"),
                 series(_rate("shipper_retries_total", "instance"), "{{instance}} shipper", "B")],
                "The store, Kafka or a disk is away.", unit="ops"),
        metrics("Embedded store: queries",
                [series(_rate("store_queries_total", "kind"), "{{kind}}"),
                 series(_rate("store_queries_failed_total", "code"), "error {{code}}", "B")],
                "Empty with a ClickHouse server.", unit="ops"),
    ]  # fmt: skip
