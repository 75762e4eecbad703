"""The admin port: /healthz, /readyz and /metrics of some of a supervisor's children.

Answers from what the children last reported, so that asking costs them nothing. `/healthz` says
that the supervisor runs; `/readyz` that every child can do its job, or why not, and what else is
wrong (`notes`: a file that could not be read again).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from deploy.supervisor import ChildState, Supervisor
from schemas.metric_table import PREFIX, Metric, Value, counted_together

SUPERVISOR_METRICS = (
    Metric("process_up", "gauge", "1 if the process can do its job.",
           "A fall is what matters: /readyz says why.", label="process"),
    Metric("process_restarts_total", "counter", "Times the process died and was "
           "started again.", "Read the log around its end.", label="process"),
)  # fmt: skip


async def serve_admin(
    supervisor: Supervisor, children: Sequence[ChildState], host: str, port: int
) -> web.AppRunner:
    """Serve the admin port for `children`; raises OSError if the port is taken."""
    admin = _Admin(supervisor, children)
    app = web.Application()
    app.router.add_get("/healthz", admin.healthz)
    app.router.add_get("/readyz", admin.readyz)
    app.router.add_get("/metrics", admin.metrics)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


class _Admin:
    def __init__(self, supervisor: Supervisor, children: Sequence[ChildState]) -> None:
        self._supervisor = supervisor
        self._children = children
        self._registry = CollectorRegistry()
        self._registry.register(_Families(children))

    async def healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(self, request: web.Request) -> web.Response:
        now = asyncio.get_running_loop().time()
        problems = {child.spec.name: child.problem(now) for child in self._children}
        problems = {name: problem for name, problem in problems.items() if problem}
        if self._supervisor.stopping:
            problems["supervisor"] = "stopping"
        notes = {child.spec.name: child.note for child in self._children if child.note}
        return web.json_response(
            {"ready": not problems, "problems": problems, "notes": notes},
            status=503 if problems else 200,
        )

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


class _Families(Collector):
    """The children's last reports as Prometheus metric families."""

    def __init__(self, children: Sequence[ChildState]) -> None:
        self._children = children

    def collect(self) -> Iterator[Family]:
        for row in {row.name: row for c in self._children for row in c.spec.metrics}.values():
            yield _family(row, self._children)
        now = asyncio.get_running_loop().time()
        up, restarts = SUPERVISOR_METRICS
        names = [child.spec.name for child in self._children]
        gauge = GaugeMetricFamily(PREFIX + up.name, up.counts, labels=["process"])
        counter = CounterMetricFamily(PREFIX + restarts.name, restarts.counts, labels=["process"])
        for name, child in zip(names, self._children, strict=True):
            gauge.add_metric([name], 0 if child.problem(now) else 1)
            counter.add_metric([name], child.restarts)
        yield gauge
        yield counter


def _family(row: Metric, children: Sequence[ChildState]) -> Family:
    labels = ["process"] if row.label is None else ["process", row.label]
    if row.kind == "histogram":
        histogram = HistogramMetricFamily(PREFIX + row.name, row.counts, labels=labels)
        for child in children:
            value = _total(row, child)
            if value is not None:
                snapshot = cast("Mapping[str, Any]", value)
                histogram.add_metric(
                    [child.spec.name], _cumulative(snapshot), sum_value=snapshot["sum"]
                )
        return histogram
    kind = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    family = kind(PREFIX + row.name, row.counts, labels=labels)
    for child in children:
        value = _total(row, child)
        if isinstance(value, Mapping):
            for label, number in value.items():
                family.add_metric([child.spec.name, label], cast("float", number))
        elif value is not None:
            family.add_metric([child.spec.name], value)
    return family


def _cumulative(snapshot: Mapping[str, Any]) -> list[tuple[str, float]]:
    total = 0
    buckets = []
    bounds = [*(str(bound) for bound in snapshot["bounds"]), "+Inf"]
    for bound, count in zip(bounds, snapshot["buckets"], strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


def _total(row: Metric, child: ChildState) -> Value | None:
    """Return a metric's value over all lives of a child; None if it never reported one."""
    now = child.status.metrics if child.status is not None else {}
    return counted_together(child.spec.metrics, child.earlier, now).get(row.name)
