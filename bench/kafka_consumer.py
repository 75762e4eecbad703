"""The bench of the consumer's Kafka source, ``make bench-kafka-consumer``: a topic into a store.

The topic is filled before, by the shipper, so nobody waits for hits. Each way takes its turn in
every round, into an empty store. The consumer has a core and the store another; ClickHouse's own
Kafka engine is one process on both, so it is compared by the CPU time of all.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import samples, targets
from bench.drive import FailedRunError
from bench.peers import heliograph, kafka_engine
from bench.pump import CONSUMER_CORE, STORE_CORE, drain, has_table, pings, write_journal
from bench.samples import Run, Sample
from bench.server import Launch, ServerError, free_port, running
from bench.shipper import HITS_METRIC, kafka, settings_of, shipping

SCENARIO = "kafka_to_store"
PLAIN = "parse and insert"
ENGINE = "kafka-engine"
TABLE = (
    ("hits_per_cpu_second", "hits per CPU second of all", ",.0f"),
    ("hits_per_consumer_cpu_second", "hits per CPU second of the consumer", ",.0f"),
    ("consumer_us_per_hit", "CPU µs per hit", ".2f"),
    ("hits_per_second", "hits per second here", ",.0f"),
    ("consumer_rss_mib", "memory MiB", ".0f"),
)


def main() -> int:
    """Run it, print and keep what was seen; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.kafka_consumer", description="Bench: Kafka source."
    )
    parser.add_argument("--quick", action="store_true", help="less of it, to see that it works")
    parser.add_argument(
        "--hits", type=int, default=0, help="how many [2,000,000; quick: 1,000,000]"
    )
    given = parser.parse_args()
    run = Run.start("quick" if given.quick else "full")
    hits = given.hits or (1_000_000 if given.quick else 2_000_000)
    seen: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as temporary:
        folder = Path(temporary)
        try:
            with kafka(folder / "kafka") as bootstrap:
                topic = f"bench-{os.getpid()}"
                fill(folder, bootstrap, topic, hits)
                for number in range(1 if given.quick else 3):
                    seen += one_round(run, number, folder, bootstrap, topic, hits)
        except (FailedRunError, ServerError, OSError) as error:
            print(f"the run failed: {error}", file=sys.stderr)
            return 2
    samples.write(samples.RESULTS / f"kafka-consumer-{run.form}.ndjson", seen)
    print(table(seen))
    return 0


def fill(folder: Path, bootstrap: str, topic: str, hits: int) -> None:
    """Ship a journal of generated hits, as production does."""
    write_journal(folder / "journal" / "w0", hits)
    with shipping(settings_of(folder / "journal", bootstrap, topic)) as (_, reports):
        for metrics in reports:
            if metrics.get(HITS_METRIC, 0) >= hits:
                return
    raise FailedRunError("the shipper ended before all hits were in Kafka")


def one_round(
    run: Run, number: int, folder: Path, bootstrap: str, topic: str, hits: int
) -> Iterator[Sample]:
    """Drain the topic in every way that can be had; raises FailedRunError or ServerError."""
    for peer in (targets.OURS, PLAIN, ENGINE):
        missing = kafka_engine.missing() if peer == ENGINE else ""
        if missing:
            print(f"{peer} is not compared; it needs: {missing}")
            continue
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            own, port = Path(temporary), free_port()
            if peer == ENGINE:
                values = _engine(own, port, bootstrap, topic, hits)
            else:
                values = _consumer(peer, own, port, bootstrap, topic, hits)
        yield Sample(run, SCENARIO, peer, number, values)


def _consumer(
    peer: str, own: Path, port: int, bootstrap: str, topic: str, hits: int
) -> dict[str, float]:
    with running(heliograph.store(own, port), port, STORE_CORE, own / "store.log", pings) as server:
        if peer == PLAIN:
            heliograph.migrate(port)
            launch = _plain(bootstrap, topic, port)
        else:
            launch = heliograph.kafka_consumer(own, port, bootstrap, topic)
        with running(launch, port, CONSUMER_CORE, own / "log", has_table) as consumer:
            values = drain(consumer, server, hits)
    values["consumer_us_per_hit"] = 1e6 / values["hits_per_consumer_cpu_second"]
    values["consumer_rss_mib"] = values["consumer_rss_bytes"] / 2**20
    return values


def _engine(own: Path, port: int, bootstrap: str, topic: str, hits: int) -> dict[str, float]:
    """Return what the engine's server costs as a whole: it can't be told from its store."""
    launch, cores = kafka_engine.launch(own, port), (CONSUMER_CORE, STORE_CORE)
    with running(launch, port, cores, own / "log", pings) as server:
        kafka_engine.consume(port, bootstrap, topic)
        values = drain(server, server, hits, from_now=True)
    return {
        "hits": hits,
        "hits_per_second": values["hits_per_second"],
        "hits_per_cpu_second": values["hits_per_store_cpu_second"],
        "store_rss_bytes": values["store_rss_bytes"],
    }


def _plain(bootstrap: str, topic: str, port: int) -> Launch:
    return Launch([sys.executable, "-m", "bench.peers.plain_consumer", bootstrap, topic, str(port)])


def table(seen: list[Sample]) -> str:
    """Return the median of every value for every way."""
    lines = ["| way | " + " | ".join(title for _, title, _ in TABLE) + " |"]
    lines.append("|---" * (len(TABLE) + 1) + "|")
    for peer in dict.fromkeys(sample.peer for sample in seen):
        mine = [sample.values for sample in seen if sample.peer == peer]
        cells = []
        for name, _, form in TABLE:
            values = sorted(values[name] for values in mine if name in values)
            cells.append(format(values[len(values) // 2], form) if values else "-")
        lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
