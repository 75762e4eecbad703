"""Simulates what one machine can't show: queues of a worker, fleets of them, and outages.

A worker answers in turns: what came during a turn is answered by the next, so a turn of k hits
takes `turn_us + k * hit_us`, and now and then the machine stands still. That is a queue with one
server and no priorities, so a loop over arrivals is exact; a library for events would add nothing.
An outage is a matter of minutes and millions of hits, so there hits are a fluid and a step is a
second. All is seeded. Knows nothing of where its numbers come from (`bench.forecast` does).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from bench.histogram import Histogram

MEGA = 1e6
KAFKA, STORE = "kafka", "store"


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker on its core, by what was measured of it."""

    turn_us: float
    """Of each turn of the event loop, however many hits it answers."""
    hit_us: float
    way_us: float
    """What a request spends outside the worker: client, kernel, wake-up."""
    stall_us: float
    """How long the machine stands still when it does: a time slice of somebody else."""
    stalls_per_second: float

    @property
    def hits_per_second_max(self) -> float:
        """Return what it answers when every turn is full of a client's 64 connections."""
        return MEGA / (self.turn_us / 64 + self.hit_us)


def fitted(
    saturation_per_second: float,
    load: float,
    *,
    cpu_us: float,
    p50_us: float,
    p99_us: float,
    p99_9_us: float,
) -> Worker:
    """Return the worker whose saturation was measured, and its behaviour at a low share of it.

    At a low load a turn has one hit, so its CPU time is that of both; at saturation turns are full.
    Stalls are taken to be of one length, so that two percentiles of the tail give it and how often
    they come: P(latency > t) = stalls a second * (length - t) / (1 - load), since the queue
    outlasts a stall the more, the higher the load.
    """
    full_us = MEGA / saturation_per_second
    turn_us = max((cpu_us - full_us) * 64 / 63, 0.0)
    hit_us = full_us - turn_us / 64
    stall_us = (10 * p99_9_us - p99_us) / 9
    rate = 0.01 * (1 - load) / max(stall_us - p99_us, 0.02 * stall_us)
    way_us = max(p50_us - turn_us - hit_us, 0.0)
    return Worker(turn_us, hit_us, way_us, stall_us, rate * MEGA)


def latency(
    worker: Worker, rate_per_second: float, hits: int, seed: int, *, poisson: bool
) -> Histogram:
    """Return the latency of so many arrivals, in ns; steady, or at random as in the world."""
    source = random.Random(seed)
    arrivals = _arrivals(source, rate_per_second, hits, poisson=poisson)
    stalls = _stalls(source, worker)
    seen = Histogram()
    stall_begin, stall_end = next(stalls)
    free_at = 0.0
    waiting: list[float] = []
    arrival = next(arrivals, None)
    while arrival is not None:
        begin = max(free_at, arrival)
        while arrival is not None and arrival <= begin:
            waiting.append(arrival)
            arrival = next(arrivals, None)
        free_at = begin + worker.turn_us + worker.hit_us * len(waiting)
        while stall_begin < free_at:
            # Of one that began while there was nothing to do, what is left of it counts.
            free_at += max(stall_end - max(stall_begin, begin), 0.0)
            stall_begin, stall_end = next(stalls)
        for came in waiting:
            seen.record(int((free_at - came + worker.way_us) * 1e3))
        waiting.clear()
    return seen


def _arrivals(
    source: random.Random, rate_per_second: float, hits: int, *, poisson: bool
) -> Iterator[float]:
    gap_us, now = MEGA / rate_per_second, 0.0
    for _ in range(hits):
        now += source.expovariate(1.0) * gap_us if poisson else gap_us
        yield now


def _stalls(source: random.Random, worker: Worker) -> Iterator[tuple[float, float]]:
    """Yield from when until when the machine stands still, for ever."""
    now = 0.0
    while worker.stalls_per_second > 0:
        begin = now + source.expovariate(worker.stalls_per_second / MEGA)
        now = begin + worker.stall_us
        yield begin, now
    while True:
        yield inf, inf


def shares(workers: int, connections: int, seed: int) -> list[float]:
    """Return each worker's load as a ratio to the mean, as a hash spreads connections."""
    source = random.Random(seed)
    counts = [0] * workers
    for _ in range(connections):
        counts[source.randrange(workers)] += 1
    return [count * workers / connections for count in counts]


def fleet_latency(
    worker: Worker, load: float, spread: Sequence[float], hits: int, seed: int
) -> Histogram:
    """Return the latency over workers whose mean load is a share of saturation.

    A worker asked for more than it can do has no latency that is worth a number; it is kept just
    below, so that it shows as what it is: slow.
    """
    merged = Histogram()
    for number, ratio in enumerate(spread):
        share = min(load * ratio, 0.99)
        if share > 0:
            rate = share * worker.hits_per_second_max
            own = max(round(hits * ratio / len(spread)), 1)
            merged.merge(latency(worker, rate, own, seed + number, poisson=True))
    return merged


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What moves hits from the journals to rows, at most, with nothing held back."""

    ship_per_second: float
    store_per_second: float
    """The least of brokers, consumers and ClickHouse."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of an outage."""

    at: int
    in_journals: float
    in_kafka: float
    age_seconds: float
    """Of the oldest hit that is not a row yet."""


def outage(
    pipeline: Pipeline,
    rate_per_second: float,
    away_seconds: int,
    away: str,
    seed: int,
    *,
    wake_seconds: int = 0,
    keeps_coming: bool = True,
) -> list[Second]:
    """Return the outage of `kafka` or `store` second by second, until nothing waits any more.

    `wake_seconds` pass after it until all have noticed. Arrivals vary by a tenth from second to
    second, at random; they can end with the outage, as a bench's do.
    """
    source = random.Random(seed)
    journals = kafka = arrived = stored = 0.0
    curve: list[float] = []
    seen: list[Second] = []
    oldest = 0
    for at in range(100 * away_seconds + 86_400):
        gone = at < away_seconds + wake_seconds
        come = rate_per_second * max(source.gauss(1, 0.1), 0)
        come = come if keeps_coming or at < away_seconds else 0.0
        arrived += come
        curve.append(arrived)
        journals += come
        ship_max = 0.0 if gone and away == KAFKA else pipeline.ship_per_second
        shipped = min(journals, ship_max)
        out = 0.0 if gone else min(kafka + shipped, pipeline.store_per_second)
        journals -= shipped
        kafka += shipped - out
        stored += out
        while oldest < at and curve[oldest] <= stored + 1e-6:
            oldest += 1
        seen.append(Second(at, journals, kafka, at - oldest))
        if not gone and journals + kafka < 2 * rate_per_second:
            return seen
    raise ValueError("it is never made up for: the pipeline is slower than what comes")
