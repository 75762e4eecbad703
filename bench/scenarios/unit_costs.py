"""What one hit costs each part, and what it weighs: the measured rows of the capacity model.

One journal of generated hits goes through the real path, a stage at a time, so that each process's
CPU time is its own: journal to Kafka, Kafka to the embedded store, the store's merge. Then the
collector: pixels on open connections, pixels alone on theirs, connections that are idle. Costs are
CPU time, so it matters little that all of it shares this machine. Memory is what a process has
after its work. `bench.unit_costs` writes the figures into deploy/capacity_measured.toml.
"""

import os
import socket
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from urllib.parse import quote

from bench import memory, processes, traffic
from bench.answers import is_whole
from bench.drive import FailedRunError, checked, drive
from bench.load import Load
from bench.peers import heliograph
from bench.pump import CONSUMER_CORE, STORE_CORE, drain, get, has_table, pings, write_journal
from bench.scenario import Figure, ScenarioOptions, ScenarioResult
from bench.server import free_port, running
from bench.shipper import HITS_METRIC, kafka, settings_of, shipping

NAME = "unit-costs"
ABOUT = "What one hit costs collector, shipper, broker, consumer and store, and what it weighs."

TOPIC = "unit-costs"
IDLE_CONNECTIONS = 2_000
OPTIMIZE_SECONDS_MAX = 120.0
STORED = (
    "SELECT concat(toString(sum(rows)), ' ', toString(sum(bytes_on_disk))) "
    "FROM system.parts WHERE active AND table = 'hits'"
)


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure."""
    hits = 400_000 if options.quick else 600_000
    journal_bytes = write_journal(options.folder / "journal" / "w0", hits, varied=True)
    figures: dict[str, Figure] = {"hit_bytes": journal_bytes / hits}
    notes = []
    try:
        with kafka(options.folder / "kafka") as bootstrap:
            brokers = _brokers()
            shipped = _ship(options.folder, bootstrap, hits, brokers)
            before = processes.cpu_ns(brokers)
            figures |= _consume(options.folder, bootstrap, hits)
            read_us = (processes.cpu_ns(brokers) - before) / 1e3 / hits
            figures |= {"broker_bytes": processes.rss_bytes(brokers), "broker_read_us": read_us}
        figures |= shipped
    except FailedRunError as error:
        notes.append(f"Kafka's side was not measured: {error}")
    figures |= _collector(options)
    return ScenarioResult(NAME, figures, notes=notes)


def _brokers() -> list[int]:
    """Return the brokers' processes; raises FailedRunError if they are not ours."""
    found = [
        pid
        for pid in processes.tree(os.getpid())
        if Path(f"/proc/{pid}/comm").read_text().strip() == "java"
    ]
    if not found:
        raise FailedRunError("the broker is not a process that the bench started")
    return found


def _ship(folder: Path, bootstrap: str, hits: int, brokers: Sequence[int]) -> dict[str, Figure]:
    """Ship the journal; what is before the middle warms up Java and is not counted."""
    settings = settings_of(folder / "journal", bootstrap, TOPIC)
    with shipping(settings) as (process, reports):
        first: tuple[float, int, int] | None = None
        for metrics in reports:
            now = (
                metrics.get(HITS_METRIC, 0),
                processes.cpu_ns([process.pid]),
                processes.cpu_ns(brokers),
            )
            if first is None and now[0] >= hits / 2:
                first = now
            if first and now[0] >= hits:
                size = processes.rss_bytes([process.pid])
                hits_moved, shipper_ns, brokers_ns = (
                    b - a for a, b in zip(first, now, strict=True)
                )
                if not hits_moved:
                    raise FailedRunError("too few hits: all were in Kafka at the first look")
                sent = metrics["shipper_sent_bytes_total"] / metrics["shipper_bytes_total"]
                return {
                    "ship_us": shipper_ns / 1e3 / hits_moved,
                    "broker_write_us": brokers_ns / 1e3 / hits_moved,
                    "wire_share": sent,
                    "shipper_bytes": size,
                }
    raise FailedRunError("the shipper ended before all hits were in Kafka")


def _consume(folder: Path, bootstrap: str, hits: int) -> dict[str, Figure]:
    port = free_port()
    launch = heliograph.kafka_consumer(folder, port, bootstrap, TOPIC)
    with (
        running(
            heliograph.store(folder, port), port, STORE_CORE, folder / "store.log", pings
        ) as store,
        running(launch, port, CONSUMER_CORE, folder / "consumer.log", has_table) as consumer,
    ):
        values = drain(consumer, store, hits)
        merged_before = processes.cpu_ns(store.pids)
        _ask(port, "OPTIMIZE TABLE hits FINAL")
        merged = processes.cpu_ns(store.pids) - merged_before
        rows, stored = map(int, get(port, "?query=" + quote(STORED)).split())
    return {
        "consume_us": 1e6 / values["hits_per_consumer_cpu_second"],
        "insert_us": 1e6 / values["hits_per_store_cpu_second"],
        "merge_us": merged / 1e3 / rows,
        "row_bytes": stored / rows,
        "consumer_bytes": values["consumer_rss_bytes"],
        "store_bytes": values["store_rss_bytes"],
    }


def _ask(port: int, statement: str) -> None:
    url = f"http://127.0.0.1:{port}/"
    with urllib.request.urlopen(url, statement.encode(), timeout=OPTIMIZE_SECONDS_MAX) as answer:
        answer.read()


def _collector(options: ScenarioOptions) -> dict[str, Figure]:
    """Measure the collector: its CPU in turns, round by round, then its memory, started anew."""
    core, *client_cores = sorted(os.sched_getaffinity(0))
    client_cores = client_cores or [core]
    port = free_port()
    folder = options.folder / "collector"
    folder.mkdir()
    memory.allow_descriptors(IDLE_CONNECTIONS)
    seen: dict[str, list[float]] = {"pixel_us": [], "lone_pixel_us": []}
    with running(heliograph.launch(folder, port), port, core, folder / "log") as server:
        for _ in range(options.rounds):
            for name, keep_alive in (("pixel_us", True), ("lone_pixel_us", False)):
                load = Load(port, options.seconds, keep_alive=keep_alive, server_pids=server.pids)
                seen[name].append(checked(drive(load, client_cores)).cpu_us_per_request)
    with running(heliograph.launch(folder, port), port, core, folder / "log") as server:
        idle = memory.idle_connections(server, IDLE_CONNECTIONS, client_cores)
        weight = _exchange_bytes(port)
    return {
        **seen,
        **weight,
        "worker_bytes": idle["rss_bytes_before"],
        "connection_bytes": idle["rss_bytes_per_connection"],
    }


def _exchange_bytes(port: int) -> dict[str, Figure]:
    """Return the bytes of a request and of its answer, without what TCP adds."""
    headers = traffic.header_block(1, keep_alive=True)
    lines = traffic.request_lines()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(lines[0] + headers)
        answer = b""
        while not is_whole(answer):
            answer += sock.recv(4_096)
    return {
        "request_bytes": fmean(map(len, lines)) + len(headers),
        "answer_bytes": len(answer),
    }
