"""Prometheus' own `promtool` on the alerts and on the panels' expressions.

Each alert fires on series made up for it, and not on a look-alike; each names a heading of
docs/operate.md; every expression of a panel parses.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from deploy.grafana.alerts import ALERTS, RUNBOOK
from deploy.grafana.metric_names import promql
from deploy.reference import METRIC_TABLES
from schemas.metric_table import PREFIX
from tests.deploy.grafana.board import DASHBOARDS, ROOT, targets

RULES = ROOT / "deploy/prometheus/alerts.yml"
METRICS = {PREFIX + row.name for _, table in METRIC_TABLES for row in table}
LONG_MINUTES = 60
INSTANCE = {"instance": "a"}
WORKER = {**INSTANCE, "process": "worker-0"}


def promtool(*arguments: str) -> str:
    program = shutil.which("promtool")
    if program is None:
        assert not os.environ.get("CI"), "promtool is missing: apt-get install prometheus"
        pytest.skip("needs promtool: apt-get install prometheus")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True)
class Case:
    """Series by the minute (`series name with marks`: values), of which an alert must think so."""

    fires: dict[str, str]
    quiet: dict[str, str]
    labels: dict[str, str] = field(default_factory=lambda: INSTANCE)
    minute: int = 20


CASES = {
    "HeliographHitsLost": Case(
        {'<collector_hits_lost_total>{instance="a", process="worker-0"}': "0x17 12x10"},
        {'<collector_hits_lost_total>{instance="a", process="worker-0"}': "12x30"},
    ),
    "HeliographProcessDown": Case(
        {'<process_up>{instance="a", process="worker-0"}': "1x18 0x10"},
        {'<process_up>{instance="a", process="worker-0"}': "1x18 0 1x10"},
        WORKER,
    ),
    "HeliographTargetDown": Case(
        {'up{job="heliograph-collector", instance="a"}': "1x17 0x10"},
        {'up{job="another", instance="a"}': "0x30"},
        {**INSTANCE, "job": "heliograph-collector"},
    ),
    "HeliographNoHits": Case(
        {'<collector_hits_total>{instance="a"}': "0+5x1440 7200x30"},
        # A quiet hour of the day before too.
        {'<collector_hits_total>{instance="a"}': "9x1500"},
        {},
        1460,
    ),
    "HeliographLag": Case(
        {'<consumer_lag_seconds>{instance="a"}': "0x10 90x20"},
        {'<consumer_lag_seconds>{instance="a"}': "0x10 90x3 5x20"},
    ),
    "HeliographLagLong": Case(
        {'<consumer_lag_seconds>{instance="a"}': "0x10 900x20"},
        {'<consumer_lag_seconds>{instance="a"}': "90x30"},
    ),
    "HeliographStoreAway": Case(
        {'<consumer_partitions_stuck>{instance="a"}': "0x10 3x20",
         '<consumer_journals_stuck>{instance="a"}': "0x30"},
        {'<consumer_journals_stuck>{instance="a"}': "0x18 1x20"},
    ),
    "HeliographKafkaAway": Case(
        {'<shipper_away>{instance="a"}': "0x10 1x20"}, {'<shipper_away>{instance="a"}': "0x30"}
    ),
    "HeliographShipperBehind": Case(
        {'<shipper_oldest_seconds>{instance="a"}': "0x10 61x20"},
        {'<shipper_oldest_seconds>{instance="a"}': "59x30"},
    ),
    "HeliographJournalFills": Case(
        {'<collector_journal_bytes>{instance="a", process="worker-0"}': "6e9x30"},
        # Two workers' journals together: each has its own quota.
        {'<collector_journal_bytes>{instance="a", process="worker-0"}': "3e9x30",
         '<collector_journal_bytes>{instance="a", process="worker-1"}': "3e9x30"},
        WORKER,
    ),
    "HeliographDeadLetters": Case(
        {'<consumer_dead_letters_total>{instance="a"}': "0x10 1x20"},
        {'<consumer_dead_letters_total>{instance="a"}': "1x30"},
    ),
    "HeliographDeadLetterRate": Case(
        {'<consumer_dead_letters_total>{instance="a"}': "0+2x30",
         '<consumer_rows_total>{instance="a"}': "0+98x30"},
        {'<consumer_dead_letters_total>{instance="a"}': "0+1x30",
         '<consumer_rows_total>{instance="a"}': "0+999x30"},
    ),
    "HeliographErrorRate": Case(
        {'<collector_requests_refused_total>{instance="a", status="503"}': "0+2x30",
         '<collector_hits_total>{instance="a", endpoint="pixel"}': "0+98x30"},
        {'<collector_requests_refused_total>{instance="a", status="404"}': "0+2x30",
         '<collector_hits_total>{instance="a", endpoint="pixel"}': "0+98x30"},
    ),
    "HeliographRequestsRefused": Case(
        {'<collector_requests_refused_total>{instance="a", status="404"}': "0+20x60",
         '<collector_hits_total>{instance="a", endpoint="pixel"}': "0+80x60"},
        {'<collector_requests_refused_total>{instance="a", status="404"}': "0+2x60",
         '<collector_hits_total>{instance="a", endpoint="pixel"}': "0+98x60"},
        minute=40,
    ),
    "HeliographJournalSlow": Case(
        {'<collector_journal_write_seconds_bucket>{instance="a", le="0.05"}': "0+90x30",
         '<collector_journal_write_seconds_bucket>{instance="a", le="0.1"}': "0+100x30",
         '<collector_journal_write_seconds_bucket>{instance="a", le="+Inf"}': "0+100x30"},
        {'<collector_journal_write_seconds_bucket>{instance="a", le="0.05"}': "0+100x30",
         '<collector_journal_write_seconds_bucket>{instance="a", le="+Inf"}': "0+100x30"},
    ),
    "HeliographHitsAtRisk": Case(
        {'<collector_hits_at_risk_total>{instance="a"}': "0x10 5x20"},
        {'<collector_hits_at_risk_total>{instance="a"}': "5x30"},
    ),
    "HeliographFilesStale": Case(
        {'<collector_files_stale>{instance="a"}': "0x10 1x20"},
        {'<collector_files_stale>{instance="a"}': "0x10 1x3 0x20"},
    ),
    "HeliographRestarts": Case(
        {'<process_restarts_total>{instance="a", process="worker-0"}': "0x10 1x20"},
        {'<process_restarts_total>{instance="a", process="worker-0"}': "3x30"},
        WORKER,
    ),
    "HeliographConnectionsRefused": Case(
        {'<collector_connections_refused_total>{instance="a"}': "0x10 1x20"},
        {'<collector_connections_refused_total>{instance="a"}': "0x30"},
    ),
}  # fmt: skip


def group(name: str, case: Case, *, fires: bool) -> dict[str, Any]:
    """Return one group of promtool's: what ALERTS has of one alert at the end."""
    severity = next(alert.severity for alert in ALERTS if alert.name == name)
    labels = {"alertname": name, "alertstate": "firing", "severity": severity, **case.labels}
    written = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return {
        "name": f"{name} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [
            {"series": promql(one), "values": values}
            for one, values in (case.fires if fires else case.quiet).items()
        ],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
                "eval_time": f"{case.minute}m",
                "exp_samples": [{"labels": f"ALERTS{{{written}}}", "value": 1}] if fires else [],
            }
        ],
    }


def test_each_alert_fires_and_only_when_it_should(tmp_path: Path) -> None:
    assert set(CASES) == {alert.name for alert in ALERTS}
    files = []
    # A day of minutes takes promtool long, so the long ones look less often.
    for minutes, is_long in ((1, False), (20, True)):
        both = [
            group(name, case, fires=fires)
            for name, case in CASES.items()
            for fires in (True, False)
            if (case.minute > LONG_MINUTES) == is_long
        ]
        cases = {"rule_files": [str(RULES)], "evaluation_interval": f"{minutes}m", "tests": both}
        files.append(tmp_path / f"every-{minutes}.yml")
        files[-1].write_bytes(orjson.dumps(cases))
    assert promtool("test", "rules", *map(str, files)).count("SUCCESS") == len(files)


def test_prometheus_takes_the_files() -> None:
    promtool("check", "config", str(ROOT / "deploy/prometheus/prometheus.yml"))
    listed = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert listed["rule_files"] == [RULES.name]


def test_each_alert_leads_to_a_runbook() -> None:
    text = (ROOT / RUNBOOK).read_text()
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {alert.runbook for alert in ALERTS} == anchors
    for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]:
        file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert file == RUNBOOK
        assert anchor in anchors


def expressions() -> list[str]:
    """Return the PromQL of panels and annotations, Grafana's variables put in."""
    found = [one.target["expr"] for one in targets("prometheus")]
    for dashboard in DASHBOARDS.values():
        found += [one["expr"] for one in dashboard["annotations"]["list"] if "expr" in one]
    return [one.replace("$__rate_interval", "1m") for one in found]


def test_each_expression_parses_and_asks_for_what_is_served(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": one} for n, one in enumerate(expressions())]
    assert len(rules) > 25
    file = tmp_path / "panels.yml"
    file.write_bytes(orjson.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(file))
    for expression in [*expressions(), *(promql(alert.expression) for alert in ALERTS)]:
        for name in re.findall(rf"{PREFIX}\w+", expression):
            assert re.sub("_(bucket|sum|count)$", "", name) in METRICS, name
