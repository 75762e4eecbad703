"""The bench of the shipper, ``make bench-shipper``: one journal into a real Kafka on this machine.

The journal is there before, so nobody waits for hits. Every way to ship takes its turn in each
round, into a topic of its own; the CPU time is the shipping process's alone, between its first and
its last report, so what the broker needs on the same cores slows the clock, not the cost.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench import processes, samples, targets
from bench.drive import FailedRunError
from bench.pump import write_journal
from bench.samples import Run, Sample

SCENARIO = "journal_to_kafka"
DRAIN_SECONDS_MAX = 300.0
HITS_METRIC = "shipper_hits_total"
SHIPPER = (sys.executable, "-m", "collector.shipper")
TABLE = (
    ("hits_per_cpu_second", "hits per CPU second", ",.0f"),
    ("cpu_us_per_hit", "CPU µs per hit", ".2f"),
    ("hits_per_second", "hits per second here", ",.0f"),
    ("sent_share", "bytes sent / journal", ".3f"),
    ("rss_mib", "memory MiB", ".0f"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ship: a name in results, and the settings of the section `kafka`."""

    peer: str
    kafka: dict[str, str]


WAYS = (
    Way(targets.OURS, {}),
    Way("at-least-once", {"delivery": "at-least-once"}),
    Way("exactly-once, lz4", {"compression": "lz4"}),
    Way("exactly-once, none", {"compression": "none"}),
)
PLAIN = "producer.send per hit"


def main() -> int:
    """Run it, print and keep what was seen; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.shipper", description="Bench of the shipper.")
    parser.add_argument("--quick", action="store_true", help="less of it, to see that it works")
    parser.add_argument("--hits", type=int, default=0, help="how many [1,000,000; quick: 200,000]")
    given = parser.parse_args()
    run = Run.start("quick" if given.quick else "full")
    hits = given.hits or (200_000 if given.quick else 1_000_000)
    seen: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as temporary:
        folder = Path(temporary)
        journal = folder / "template"
        write_journal(journal, hits)
        try:
            with kafka(folder / "kafka") as bootstrap:
                for number in range(1 if given.quick else 3):
                    seen += one_round(run, number, folder, bootstrap, hits)
        except FailedRunError as error:
            print(f"the run failed: {error}", file=sys.stderr)
            return 2
    samples.write(samples.RESULTS / f"shipper-{run.form}.ndjson", seen)
    print(table(seen))
    return 0


def table(seen: Sequence[Sample]) -> str:
    """Return the median of every value for every way to ship."""
    lines = ["| way | " + " | ".join(title for _, title, _ in TABLE) + " |"]
    lines.append("|---" * (len(TABLE) + 1) + "|")
    for peer in dict.fromkeys(sample.peer for sample in seen):
        mine = [sample.values for sample in seen if sample.peer == peer]
        cells = []
        for name, _, form in TABLE:
            values = sorted(values[name] for values in mine if name in values)
            cells.append(format(values[len(values) // 2], form) if values else "")
        lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def one_round(run: Run, number: int, folder: Path, bootstrap: str, hits: int) -> Iterator[Sample]:
    """Ship the journal in `folder / "template"` in every way; raises FailedRunError."""
    for way in WAYS:
        topic = f"{number}-{WAYS.index(way)}"
        parent = folder / topic
        _copy(folder / "template", parent / "w0", topic)
        settings = settings_of(parent, bootstrap, topic, **way.kafka)
        yield Sample(run, SCENARIO, way.peer, number, _ship(SHIPPER, settings, hits))
    # Into the topic of the first way, which has the right partitions.
    command = [sys.executable, "-m", "bench.peers.plain_shipper"]
    command += [str(folder / "template"), bootstrap, f"{number}-0"]
    yield Sample(run, SCENARIO, PLAIN, number, _ship(command, {}, hits))


def _copy(template: Path, folder: Path, name: str) -> None:
    """Make the same journal under another identity."""
    folder.mkdir(parents=True)
    for segment in template.glob("*.ndjson"):
        os.link(segment, folder / segment.name)
    (folder / "identity").write_text(f"bench-{name}\n")


def _ship(command: Sequence[str], settings: object, hits: int) -> dict[str, float]:
    with shipping(settings, command) as (process, reports):
        return _measure(process, reports, hits)


@contextmanager
def shipping(
    settings: object, command: Sequence[str] = SHIPPER
) -> Iterator[tuple["subprocess.Popen[bytes]", Iterator[Mapping[str, Any]]]]:
    """Start a shipper; yield it and the metrics it tells of. It is asked to stop at the end."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(settings) + b"\n")
        process.stdin.flush()
        try:
            yield process, (orjson.loads(line)["metrics"] for line in process.stdout)
        finally:
            process.terminate()


def settings_of(journal: Path, bootstrap: str, topic: str, **kafka: object) -> dict[str, Any]:
    """Return the settings of a shipper that moves these journals to a topic."""
    return {
        "journal": {"path": str(journal), "readers": ["kafka"]},
        "kafka": {"bootstrap": bootstrap, "topic": topic, **kafka},
    }


def _measure(
    process: "subprocess.Popen[bytes]", reports: Iterator[Mapping[str, Any]], hits: int
) -> dict[str, float]:
    first: tuple[int, float, float] | None = None
    deadline = time.perf_counter() + DRAIN_SECONDS_MAX
    for metrics in reports:
        shipped = int(metrics.get(HITS_METRIC, 0))
        now = (shipped, time.perf_counter(), processes.cpu_ns([process.pid]) / 1e9)
        if shipped and first is None:
            first = now
        if shipped >= hits and first is not None:
            moved, wall, cpu = (after - before for before, after in zip(first, now, strict=True))
            if not moved:
                raise FailedRunError(f"{hits} hits are too few: all were in Kafka at first sight")
            values = {
                "hits": float(hits),
                "hits_per_second": moved / wall,
                "hits_per_cpu_second": moved / cpu,
                "cpu_us_per_hit": cpu / moved * 1e6,
                "rss_mib": processes.rss_bytes([process.pid]) / 2**20,
            }
            if "shipper_sent_bytes_total" in metrics:
                sent = metrics["shipper_sent_bytes_total"]
                values["sent_share"] = sent / metrics["shipper_bytes_total"]
            return values
        if now[1] > deadline:
            raise FailedRunError(f"{shipped} of {hits} hits after {DRAIN_SECONDS_MAX} s")
    raise FailedRunError(f"the shipper ended early: {process.wait()}")


@contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """Run one broker, or use the cluster that KAFKA_BOOTSTRAP names; yield where it is."""
    existing = os.environ.get("KAFKA_BOOTSTRAP")
    if existing:
        yield existing
        return
    environment = {**os.environ, "KAFKA_PORT": "0", "KAFKA_DATA": str(folder)}
    command = [sys.executable, "-m", "deploy.kafka"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "HELIOGRAPH_KAFKA_BOOTSTRAP=" in line:
                    yield line.partition("HELIOGRAPH_KAFKA_BOOTSTRAP=")[2].split()[0]
                    return
            raise FailedRunError("no Kafka; the reason is above")
        finally:
            process.terminate()
            process.communicate()


if __name__ == "__main__":
    sys.exit(main())
