"""The consumer from a topic that is full into an empty store (`bench.kafka_consumer`).

Beside it a consumer that parses each record and inserts rows, and ClickHouse's own Kafka engine.
"""

import os

from bench.broker import broker
from bench.kafka_consumer import ENGINE, fill, one_round
from bench.peers import kafka_engine
from bench.rig import CLIENT_CORES, core_notes, of_samples
from bench.samples import Run, Sample
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "consumer-kafka"
ABOUT = "Hits per CPU second from Kafka to a store, beside a plain consumer and ClickHouse's own."
HITS_PER_SECOND = 100_000  # of a phase: it can't be stopped after a time
HITS_MIN = 1_000_000  # fewer may be one insert, which has no beginning to measure from


def run(options: ScenarioOptions) -> ScenarioResult:
    """Fill a topic once, and drain it in every way in each round."""
    hits = max(round(HITS_PER_SECOND * options.seconds), HITS_MIN)
    seen: list[Sample] = []
    with broker(options.folder / "kafka", CLIENT_CORES[0]) as bootstrap:
        if not bootstrap:
            return ScenarioResult(NAME, skipped="Kafka could not be started: it needs a JDK 17.")
        topic = f"bench-{os.getpid()}"
        fill(options.folder, bootstrap, topic, hits)
        for number in range(options.rounds):
            described = Run.start("quick" if options.quick else "full")
            seen += one_round(described, number, options.folder, bootstrap, topic, hits)
    notes = core_notes()
    if missing := kafka_engine.missing():
        notes.append(f"{ENGINE} is not compared; it needs: {missing}")
    return ScenarioResult(NAME, of_samples(seen), notes=notes)
