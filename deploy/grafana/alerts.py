"""Prometheus' alerts as rows: when, for how long, how bad, and where the first step is written.

Invariant: `runbook` is a heading of docs/operate.md (a test compares), and every metric has its row
in a table of metrics.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.grafana.metric_names import promql
from schemas.journal.settings import JournalSettings

RUNBOOK = "docs/operate.md"
_QUOTA_BYTES = JournalSettings.model_fields["quota_bytes_max"].default
_HITS = "sum by (instance) (rate(<collector_hits_total>[5m]))"


@dataclass(frozen=True, slots=True)
class Alert:
    """One row. `critical` wakes somebody up, `warning` is looked at in the morning."""

    name: str
    severity: Literal["critical", "warning"]
    expression: str
    minutes: int
    summary: str
    runbook: str


ALERTS = (
    Alert("HeliographHitsLost", "critical",
          "sum by (instance) (increase(<collector_hits_lost_total>[5m])) > 0", 0,
          "{{ $value | humanize }} hits in 5 minutes were answered and not kept.",
          "hits-are-lost"),
    Alert("HeliographProcessDown", "critical", "<process_up> == 0", 1,
          "{{ $labels.process }} can't do its job.", "a-process-is-down"),
    Alert("HeliographTargetDown", "critical", 'up{job=~"heliograph-.*"} == 0', 2,
          "{{ $labels.job }} does not answer Prometheus.", "a-process-is-down"),
    Alert("HeliographNoHits", "critical",
          "sum(increase(<collector_hits_total>[15m])) == 0 "
          "and sum(increase(<collector_hits_total>[15m] offset 1d)) > 0", 0,
          "No hit in 15 minutes, and there were some a day ago.", "no-hits-arrive"),
    Alert("HeliographLag", "warning", "max by (instance) (<consumer_lag_seconds>) > 60", 5,
          "The oldest hit that is not stored is {{ $value | humanizeDuration }} old.",
          "the-consumer-is-behind"),
    Alert("HeliographLagLong", "critical", "max by (instance) (<consumer_lag_seconds>) > 600", 5,
          "The oldest hit that is not stored is {{ $value | humanizeDuration }} old.",
          "the-consumer-is-behind"),
    Alert("HeliographStoreAway", "critical",
          "sum by (instance) (<consumer_journals_stuck>) > 0 "
          "or sum by (instance) (<consumer_partitions_stuck>) > 0", 2,
          "{{ $value }} journals or partitions can't be stored.", "the-store-is-away"),
    Alert("HeliographKafkaAway", "critical", "sum by (instance) (<shipper_away>) > 0", 2,
          "{{ $value }} journals can't be shipped.", "kafka-is-away"),
    Alert("HeliographShipperBehind", "warning",
          "max by (instance) (<shipper_oldest_seconds>) > 60", 5,
          "The oldest hit that Kafka does not have is {{ $value | humanizeDuration }} old.",
          "kafka-is-away"),
    Alert("HeliographJournalFills", "critical",
          f"max by (instance, process) (<collector_journal_bytes>) > {_QUOTA_BYTES // 2}", 1,
          "A journal has {{ $value | humanize1024 }}B, over half the quota.",
          "a-journal-fills-up"),
    Alert("HeliographDeadLetters", "warning",
          "sum by (instance) (increase(<consumer_dead_letters_total>[15m])) > 0", 0,
          "ClickHouse refused {{ $value | humanize }} lines in 15 minutes.",
          "clickhouse-refuses-lines"),
    Alert("HeliographDeadLetterRate", "critical",
          "sum by (instance) (rate(<consumer_dead_letters_total>[15m])) / "
          "(sum by (instance) (rate(<consumer_rows_total>[15m])) "
          "+ sum by (instance) (rate(<consumer_dead_letters_total>[15m]))) > 0.01", 5,
          "ClickHouse refuses {{ $value | humanizePercentage }} of all lines.",
          "clickhouse-refuses-lines"),
    Alert("HeliographErrorRate", "critical",
          'sum by (instance) (rate(<collector_requests_refused_total>{status=~"5.."}[5m])) / '
          "(sum by (instance) (rate(<collector_requests_refused_total>[5m])) "
          f"+ {_HITS}) > 0.01", 5,
          "{{ $value | humanizePercentage }} of requests are answered with a server's error.",
          "requests-are-refused"),
    Alert("HeliographRequestsRefused", "warning",
          "sum by (instance) (rate(<collector_requests_refused_total>[15m])) / "
          "(sum by (instance) (rate(<collector_requests_refused_total>[15m])) "
          "+ sum by (instance) (rate(<collector_hits_total>[15m]))) > 0.1", 15,
          "{{ $value | humanizePercentage }} of requests are refused.", "requests-are-refused"),
    Alert("HeliographJournalSlow", "warning",
          "histogram_quantile(0.99, sum by (instance, le) "
          "(rate(<collector_journal_write_seconds_bucket>[5m]))) > 0.05", 5,
          "99 % of writes to the journal take up to {{ $value | humanizeDuration }}.",
          "the-disk-is-slow"),
    Alert("HeliographHitsAtRisk", "warning",
          "sum by (instance) (increase(<collector_hits_at_risk_total>[15m])) > 0", 0,
          "{{ $value | humanize }} hits were answered before the disk took them.",
          "the-disk-is-slow"),
    Alert("HeliographFilesStale", "warning", "sum by (instance) (<collector_files_stale>) > 0", 5,
          "A file of sites or keys could not be read again.", "a-file-is-not-read"),
    Alert("HeliographRestarts", "warning",
          "sum by (instance, process) (increase(<process_restarts_total>[15m])) > 0", 0,
          "{{ $labels.process }} died and came back.", "a-process-restarts"),
    Alert("HeliographConnectionsRefused", "warning",
          "sum by (instance) (increase(<collector_connections_refused_total>[15m])) > 0", 0,
          "{{ $value | humanize }} connections were over collector.connections_max.",
          "connections-are-refused"),
)  # fmt: skip


def alerts_file() -> str:
    """Return the file of rules as YAML: texts are quoted as JSON, which YAML is a superset of."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Written by `make dashboards`; change deploy/grafana/alerts.py."
    yield "groups:"
    yield "  - name: heliograph"
    yield "    rules:"
    for alert in ALERTS:
        yield f"      - alert: {alert.name}"
        yield f"        expr: {json.dumps(promql(alert.expression))}"
        yield f"        for: {alert.minutes}m"
        yield "        labels:"
        yield f"          severity: {alert.severity}"
        yield "        annotations:"
        yield f"          summary: {json.dumps(alert.summary)}"
        yield f"          runbook_url: {RUNBOOK}#{alert.runbook}"
