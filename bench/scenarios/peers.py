"""Heliograph and its peers in one run: the same request, core and client, in turns.

Three questions to each: requests per CPU second when connections stay open, the same with one
request per connection, and latency at a rate all but the slowest hold. A ratio is taken within a
round, where all met the same machine.
"""

from bench.broker import broker
from bench.peers import ABSENT, BY_NAME
from bench.rig import CLIENT_CORES, Figures, all_started, latency, put, throughput
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "peers"
ABOUT = "Throughput and latency of nginx, its modules, Python frameworks and us, in turns."
SECONDS = 2.0
RATE_PER_SECOND = 3_000.0  # what one core holds in any of them, on hardware of these years


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure every peer that can be had."""
    figures = Figures()
    rate = RATE_PER_SECOND / 3 if options.quick else RATE_PER_SECOND
    with (
        broker(options.folder / "kafka", CLIENT_CORES[0]),
        all_started(BY_NAME, options.folder) as (servers, notes),
    ):
        for _ in range(options.rounds):
            for peer, server in servers.items():
                seen = put(server, options.seconds)
                figures.add(peer, throughput(seen), "keep_alive_")
            for peer, server in servers.items():
                seen = put(server, options.seconds, keep_alive=False)
                figures.add(peer, throughput(seen), "short_")
            for peer, server in servers.items():
                seen = put(server, options.seconds, rate_per_second=rate)
                figures.add(peer, latency(seen))
    notes += [f"Latency is at {rate:,.0f} requests a second.", *ABSENT]
    if "ordinary-kafka" in servers:
        notes.append("The broker of ordinary-kafka shares the load generator's core.")
    return ScenarioResult(NAME, figures.by_name, notes=notes)
