"""The bench of the whole path, ``make bench-path``: pixel to Kafka to a row, and Kafka away.

Steady arrivals at the collector while shipper, Kafka, consumer and store run beside it, in three
phases: all is well; Kafka is stopped; Kafka is back and what waited is shipped. It shows how old a
hit is when it is a row, what the outage does to the pixel's latency and the collector's memory, and
how fast the backlog goes. The collector shares its core with the load generator only, which sleeps
between arrivals; Kafka, shipper, consumer and store have the other.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from bench import processes, samples
from bench.drive import FailedRunError, checked, drive
from bench.load import Load, Outcome
from bench.peers import heliograph
from bench.pump import get, has_table, pings
from bench.samples import Run, Sample
from bench.server import Server, ServerError, free_port, running

CORES = sorted(os.sched_getaffinity(0))
COLLECTOR_CORE, OTHER_CORE = CORES[0], CORES[-1]
WARMUP_SECONDS = 10.0
DRAIN_SECONDS_MAX = 1_800.0
POLL_SECONDS = 0.5
SETTLE_MS = 5_000
STORED_SHARE = 0.999  # the schedule's last arrivals may fall past its end
FRESHNESS = (
    "SELECT arrayStringConcat(arrayMap(x -> toString(x), quantiles(0.5, 0.99)"
    "(date_diff('ms', received_at, inserted_at))), ' ') FROM hits WHERE received_at BETWEEN "
    "fromUnixTimestamp64Milli(toInt64({0})) AND fromUnixTimestamp64Milli(toInt64({1}))"
)


class Kafka:
    """A broker that can go away and come back with what it had."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready; raises FailedRunError."""
        environment = {
            **os.environ, "KAFKA_PORT": str(self._port), "KAFKA_DATA": str(self._folder)
        }  # fmt: skip
        with processes.pinned(OTHER_CORE):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.kafka"],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdout is not None
        if not any("ready" in line for line in self._process.stdout):
            raise FailedRunError("no Kafka; the reason is above")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.communicate()
            self._process = None


class WholePath:
    """The path from pixel to row, all of it running."""

    def __init__(self, stack: ExitStack, folder: Path, kafka: Kafka) -> None:
        self.values: dict[str, float] = {}
        self.kafka = kafka
        self.store_port = free_port()
        self._journal = folder / "journal" / "w0"
        store = heliograph.store(folder, self.store_port)
        stack.enter_context(
            running(store, self.store_port, OTHER_CORE, folder / "store.log", pings)
        )
        port = free_port()
        collector = heliograph.launch(folder, port)
        collector.environment["HELIOGRAPH_JOURNAL_READERS"] = "kafka"
        self._collector: Server = stack.enter_context(
            running(collector, port, COLLECTOR_CORE, folder / "collector.log")
        )
        shipper = heliograph.shipper(folder, kafka.bootstrap)
        stack.enter_context(running(shipper, port, OTHER_CORE, folder / "shipper.log"))
        consumer = heliograph.kafka_consumer(folder, self.store_port, kafka.bootstrap, "hits")
        log = folder / "consumer.log"
        stack.enter_context(running(consumer, self.store_port, OTHER_CORE, log, answers=has_table))

    def phase(self, name: str, rate: int, seconds: float, slice_seconds: float = 0.0) -> Outcome:
        """Put the load on the pixel and keep what was seen."""
        before = self._collector.rss_bytes()
        load = Load(
            self._collector.port,
            seconds,
            connections=32,
            rate_per_second=rate,
            spin=False,
            slice_seconds=slice_seconds,
        )
        outcome = checked(drive(load, [COLLECTOR_CORE]))
        for percent in (50.0, 99.0, 99.9):
            latency_us = outcome.corrected.percentile(percent) / 1_000
            self.values[f"{name}: p{percent:g}, µs"] = latency_us
        self.values[f"{name}: collector's memory, times before"] = (
            self._collector.rss_bytes() / before
        )
        return outcome

    def waiting_bytes(self) -> int:
        """Return what is in the journal: about what Kafka does not have."""
        return sum(file.stat().st_size for file in self._journal.glob("*.ndjson"))

    def rows(self) -> int:
        """Return how many hits are rows."""
        return rows(self.store_port)


def until_rows(path: WholePath, sent_hits: float) -> float:
    """Wait until so many hits are rows, all but a few; return how many seconds that took."""
    began = time.monotonic()
    while (stored := path.rows()) < sent_hits * STORED_SHARE:
        if time.monotonic() - began > DRAIN_SECONDS_MAX:
            raise FailedRunError(f"{stored} rows of {sent_hits:.0f} after {DRAIN_SECONDS_MAX} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def rows(store_port: int) -> int:
    """Return how many hits are rows of a store; none if it does not answer."""
    return int(get(store_port, "?query=SELECT+count()+FROM+hits") or 0)


def freshness_ms(store_port: int, since_ms: int, until_ms: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of a hit's age when it became a row."""
    answer = get(store_port, "?query=" + quote(FRESHNESS.format(since_ms, until_ms)))
    p50, p99 = answer.split()
    return float(p50), float(p99)


def now_ms() -> int:
    """Return the time of day, as the store compares it with hits'."""
    return time.time_ns() // 1_000_000


def main() -> int:
    """Run it, print and keep what was seen; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.path", description="Bench: the whole path.")
    parser.add_argument("--rate", type=int, default=5_000, help="hits a second [5,000]")
    parser.add_argument("--seconds", type=int, default=30, help="of a phase without trouble [30]")
    parser.add_argument("--away", type=int, default=600, help="seconds without Kafka [600]")
    given = parser.parse_args()
    run = Run.start("full" if given.away >= 600 else "quick")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder,
            ExitStack() as stack,
        ):
            kafka = Kafka(Path(folder) / "kafka")
            stack.callback(kafka.stop)
            kafka.start()
            path = WholePath(stack, Path(folder), kafka)
            _measure(path, given.rate, given.seconds, given.away)
    except (FailedRunError, ServerError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 2
    sample = Sample(run, "path", "heliograph", 0, path.values)
    samples.write(samples.RESULTS / f"path-{run.form}.ndjson", [sample])
    for name, value in path.values.items():
        print(f"{name:44} {value:12,.2f}")
    return 0


def _measure(path: WholePath, rate: int, seconds: int, away: int) -> None:
    path.phase("warm-up", rate, WARMUP_SECONDS)
    since_ms = now_ms()
    path.phase("well", rate, seconds)
    # The last hits of this phase are rows only when Kafka is back.
    until_ms = now_ms() - SETTLE_MS
    path.kafka.stop()
    path.phase("away", rate, away)
    path.values["away: journal, MB"] = path.waiting_bytes() / 1e6
    rows = path.rows()
    path.kafka.start()
    back_at = time.monotonic()
    path.phase("back", rate, seconds)
    until_rows(path, rate * (2 * seconds + away + WARMUP_SECONDS))
    took = time.monotonic() - back_at
    path.values["back: hits a second into rows, times the rate"] = (
        (path.rows() - rows) / took / rate
    )
    path.values["back: all are rows after, s"] = took
    p50, p99 = freshness_ms(path.store_port, since_ms, until_ms)
    path.values["well: answer to row, p50, ms"] = p50
    path.values["well: answer to row, p99, ms"] = p99


if __name__ == "__main__":
    sys.exit(main())
