"""Heliograph and its peers in one run: the same request, core and client, in turns.

Three questions to each: requests per CPU second when connections stay open, the same with one
request per connection, and latency at a rate all but the slowest hold. A ratio is taken within a
round, where all met the same machine.
"""

from collections.abc import Callable
from typing import Any

from bench.broker import broker
from bench.drive import FailedRunError
from bench.load import Outcome
from bench.peers import ABSENT, BY_NAME
from bench.rig import CLIENT_CORES, OURS, Figures, all_started, latency, put, throughput
from bench.scenario import ScenarioOptions, ScenarioResult
from bench.server import Server

NAME = "peers"
ABOUT = "Throughput and latency of nginx, its modules, Python frameworks and us, in turns."
SECONDS = 2.0
RATE_PER_SECOND = 3_000.0  # what one core holds in any of them, on hardware of these years
Phase = tuple[str, Callable[[Outcome], dict[str, float]], dict[str, Any]]


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure every peer that can be had."""
    figures = Figures()
    rate = RATE_PER_SECOND / 3 if options.quick else RATE_PER_SECOND
    phases: tuple[Phase, ...] = (
        ("keep_alive_", throughput, {}),
        ("short_", throughput, {"keep_alive": False}),
        # The generator sleeps between arrivals: the broker of one peer is on its core.
        ("", latency, {"rate_per_second": rate, "spin": False}),
    )
    with (
        broker(options.folder / "kafka", CLIENT_CORES[0]),
        all_started(BY_NAME, options.folder) as (servers, notes),
    ):
        for _ in range(options.rounds):
            for phase in phases:
                notes += _turns(phase, servers, options.seconds, figures)
    notes += [f"Latency is at {rate:,.0f} requests a second.", *ABSENT]
    if "ordinary-kafka" in servers:
        notes.append("The broker of ordinary-kafka shares the load generator's core.")
    return ScenarioResult(NAME, figures.by_name, notes=notes)


def _turns(phase: Phase, servers: dict[str, Server], seconds: float, figures: Figures) -> list[str]:
    """Put one phase on each server in turn; drop a peer that fails, and return what it did."""
    prefix, shown, load = phase
    failed = {}
    for peer, server in servers.items():
        try:
            figures.add(peer, shown(put(server, seconds, **load)), prefix)
        except FailedRunError as error:
            if peer == OURS:
                raise
            failed[peer] = f"{peer} failed and took no further part: {error}"
    for peer in failed:
        del servers[peer]
    return list(failed.values())
