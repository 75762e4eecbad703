"""A storm of new connections: every request comes on one of its own, at a fixed rate.

So it is after a deploy, when a mail goes out, and behind proxies that keep nothing open.
"""

from bench.rig import OURS, Figures, all_started, compared, latency, put
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "connection-storm"
ABOUT = "10,000 new connections a second, a request on each, beside nginx and aiohttp."
PEERS = ("nginx", OURS, "aiohttp")
RATE_PER_SECOND = 10_000.0
QUICK_RATE_PER_SECOND = 500.0
CONNECTIONS = 512


def run(options: ScenarioOptions) -> ScenarioResult:
    """Let it storm on each in turn."""
    figures = Figures()
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    with all_started(compared(PEERS, options), options.folder) as (servers, notes):
        for _ in range(options.rounds):
            for peer, server in servers.items():
                seen = put(
                    server,
                    options.seconds,
                    rate_per_second=rate,
                    keep_alive=False,
                    connections=CONNECTIONS,
                )
                values = {"connections_per_second": seen.requests_per_second, **latency(seen)}
                figures.add(peer, values)
    notes.append(f"{rate:,.0f} connections a second were due, {CONNECTIONS} at a time at most.")
    return ScenarioResult(NAME, figures.by_name, notes=notes)
