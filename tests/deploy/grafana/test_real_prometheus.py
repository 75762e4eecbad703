"""A real Prometheus reads a real Heliograph: every panel of metrics shows something."""

import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import orjson
import pytest
import yaml

from deploy.grafana.alerts import ALERTS
from deploy.settings import Settings
from tests.deploy.grafana.board import ROOT, targets
from tests.support.all_in_one import AllInOneProcess
from tests.support.ports import free_ports
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]

# What only a shipper, or a consumer that reads Kafka, reports.
KAFKA = ("heliograph_shipper_", "heliograph_consumer_partition")


class Prometheus:
    """A server that is asked over its API."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> Any:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                return orjson.loads(answer.read())["data"]
        except HTTPError as error:
            raise AssertionError(error.read()) from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/api/v1/query?query={quote(expression)}")["result"]
        return found

    def listens(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def prometheus(folder: Path, heliograph: AllInOneProcess) -> Iterator[Prometheus]:
    """Run Prometheus with the committed files, but for the ports and the pace."""
    program = shutil.which("prometheus")
    if program is None:
        assert not os.environ.get("CI"), "prometheus is missing: apt-get install prometheus"
        pytest.skip("needs Prometheus: apt-get install prometheus")
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text().replace(" 15s", " 1s")
    text = text.replace(":8081", f":{heliograph.admin_port}")
    text = text.replace(":8082", f":{heliograph.consumer_admin_port}")
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(ROOT / "deploy/prometheus/alerts.yml", folder)
    (port,) = free_ports(1)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        server = Prometheus(port)
        wait_until(server.listens, 30)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_every_panel_of_metrics_shows_something(tmp_path: Path) -> None:
    (tmp_path / "heliograph").mkdir()
    (tmp_path / "prometheus").mkdir()
    with (
        AllInOneProcess(tmp_path / "heliograph", {"collector.workers": 1}) as heliograph,
        prometheus(tmp_path / "prometheus", heliograph) as server,
    ):
        provoke(heliograph)
        asked = {
            one.name: one.target["expr"].replace("$__rate_interval", "10s")
            for one in targets("prometheus")
            if not any(name in one.target["expr"] for name in KAFKA)
        }
        assert len(asked) > 20
        for name, expression in asked.items():
            wait_until(partial(server.query, expression), 30, name)
        stored = "sum(heliograph_consumer_rows_total)"
        wait_until(lambda: server.query(stored)[0]["value"][1] == "20", 30)
        rules = server.get("/api/v1/rules")["groups"][0]["rules"]
        assert {rule["name"]: rule["health"] for rule in rules} == {
            alert.name: "ok" for alert in ALERTS
        }
        assert not [rule["name"] for rule in rules if rule["state"] == "firing"]


def provoke(heliograph: AllInOneProcess) -> None:
    """Send hits, and what is refused by the collector and by the store."""
    for number in range(20):
        with urlopen(f"{heliograph.url}/p.gif?e=PageView&v={number}") as answer:
            assert answer.status == 200
    for refused in (f"{heliograph.url}/nothing", f"{heliograph.store_url}/?query=SELECT+nothing"):
        with pytest.raises(HTTPError):
            urlopen(refused)


def test_its_ports_are_those_of_the_settings() -> None:
    listed = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    ports = [
        one["static_configs"][0]["targets"][0].rpartition(":")[2]
        for one in listed["scrape_configs"]
    ]
    settings = Settings()
    assert ports == [str(settings.collector.admin_port), str(settings.consumer.admin_port)]
