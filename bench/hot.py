"""The bench of the hot path, ``make bench-hot``: Heliograph beside its peers on one core.

All servers run on one core and the load generator on another. They take turns in short phases, so
what the machine does meanwhile falls on all alike, and a ratio is taken within a round. The run
fails if any phase had an error. Targets are judged by ``make bench``.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import memory, samples, tables, targets
from bench.answers import BadAnswerError
from bench.drive import FailedRunError
from bench.histogram import PERCENTILES
from bench.load import Outcome
from bench.peers import PEERS, Peer
from bench.rig import CLIENT_CORES, CORES, put, started, throughput
from bench.samples import Run, Sample
from bench.server import Server, ServerError

HALF_LOAD_PEERS = ("nginx", "heliograph", "floor")  # the others do not hold the rate
IDLE_PEERS = ("nginx", "heliograph", "aiohttp")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    form: str
    rounds: int
    seconds: float
    warmup_seconds: float
    connections: int = 64
    idle_connections: int = 2_000
    hits: int = 1_000_000


FULL = Plan("full", rounds=5, seconds=2.0, warmup_seconds=0.3)
QUICK = Plan("quick", rounds=2, seconds=0.7, warmup_seconds=0.2, hits=150_000)


def main() -> int:
    """Run it, print and keep what was seen; return the exit code."""
    plan, chosen = _arguments()
    if missing := [peer.missing() for peer in chosen if peer.missing()]:
        print(f"install {', '.join(missing)}, or leave it out with --peers", file=sys.stderr)
        return 2
    if len(CORES) < 2:
        print("two cores are needed: one for the servers, one for the load", file=sys.stderr)
        return 2
    memory.allow_descriptors(plan.idle_connections)
    try:
        seen = list(_measure(plan, chosen))
    except (FailedRunError, ServerError, BadAnswerError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 2
    samples.write(samples.RESULTS / f"hot-{plan.form}.ndjson", seen)
    print(tables.of_samples(seen))
    return 0


def _arguments() -> tuple[Plan, list[Peer]]:
    parser = argparse.ArgumentParser(prog="bench.hot", description="Bench of the hot path.")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=names, default=names, help="who takes part")
    given = parser.parse_args()
    return QUICK if given.quick else FULL, [peer for peer in PEERS if peer.name in given.peers]


def _measure(plan: Plan, peers: Sequence[Peer]) -> Iterator[Sample]:
    run = Run.start(plan.form)
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder, ExitStack() as stack:
        servers = {peer.name: stack.enter_context(started(peer, Path(folder))) for peer in peers}
        yield from _rounds(plan, run, servers)
    for peer in peers:
        yield from _memory(plan, run, peer)


def _rounds(plan: Plan, run: Run, servers: dict[str, Server]) -> Iterator[Sample]:
    rate = 0.0
    for number in range(plan.rounds):
        for name, outcome in _turns(plan, servers):
            yield Sample(run, "keep_alive", name, number, throughput(outcome))
            if name == "nginx" and not rate:
                rate = outcome.requests_per_second / 2
        for name, outcome in _turns(plan, servers, keep_alive=False):
            yield Sample(run, "one_per_connection", name, number, throughput(outcome))
        held = {name: servers[name] for name in HALF_LOAD_PEERS if rate and name in servers}
        for name, outcome in _turns(plan, held, rate_per_second=rate):
            yield Sample(run, "half_load", name, number, _latency(outcome, rate))


def _turns(
    plan: Plan,
    servers: dict[str, Server],
    *,
    keep_alive: bool = True,
    rate_per_second: float | None = None,
) -> Iterator[tuple[str, Outcome]]:
    for name, server in servers.items():
        yield (
            name,
            put(
                server,
                plan.seconds,
                warmup_seconds=plan.warmup_seconds,
                connections=plan.connections,
                rate_per_second=rate_per_second,
                keep_alive=keep_alive,
            ),
        )


def _memory(plan: Plan, run: Run, peer: Peer) -> Iterator[Sample]:
    """Measure memory on a server started for it: one that has worked has room to hide growth in."""
    if peer.name not in IDLE_PEERS:
        return
    with (
        tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder,
        started(peer, Path(folder)) as server,
    ):
        idle = memory.idle_connections(server, plan.idle_connections, CLIENT_CORES)
        yield Sample(run, "idle_connections", peer.name, 0, idle)
        if peer.name == targets.OURS:
            grown = memory.many_hits(server, plan.hits, CLIENT_CORES)
            yield Sample(run, "million_hits", peer.name, 0, grown)


def _latency(outcome: Outcome, rate: float) -> dict[str, float]:
    named = {f"p{percent:g}".replace(".", "_"): percent for percent in PERCENTILES}
    latencies = {
        f"{name}_us": outcome.corrected.percentile(percent) / 1e3 for name, percent in named.items()
    }
    uncorrected = outcome.uncorrected.percentile(99.9) / 1e3
    return {
        "rate_per_second": rate,
        "unsent": outcome.unsent,
        "cpu_us_per_request": outcome.cpu_us_per_request,
        "p99_9_us_uncorrected": uncorrected,
        **latencies,
    }


if __name__ == "__main__":
    sys.exit(main())
