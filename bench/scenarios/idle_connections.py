"""Very many connections that say nothing: what each costs, and what they do to those that talk.

Memory is the server's resident size before and after; what the kernel holds for a socket is the
same for every server and not in it.
"""

import resource

from bench import memory
from bench.peers import BY_NAME, available
from bench.rig import CLIENT_CORES, OURS, Figures, compared, core_notes, latency, put, started
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "idle-connections"
ABOUT = "10,000 idle connections: memory for each, and the latency of those that are not idle."
PEERS = ("nginx", OURS, "aiohttp")
CONNECTIONS = 10_000
QUICK_CONNECTIONS = 100
RATE_PER_SECOND = 2_000.0
LIMIT = {"HELIOGRAPH_COLLECTOR_CONNECTIONS_MAX": "20000"}


def run(options: ScenarioOptions) -> ScenarioResult:
    """Open the connections on a fresh server of each kind, in each round."""
    wanted = QUICK_CONNECTIONS if options.quick else CONNECTIONS
    memory.allow_descriptors(wanted)
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(wanted, allowed - memory.SPARE_DESCRIPTORS)
    figures = Figures()
    found, notes = available(BY_NAME[name] for name in compared(PEERS, options))
    if count < wanted:
        notes.append(f"Only {count:,} connections: this process may open {allowed:,} files.")
    for _ in range(options.rounds):
        for peer in found:
            with started(peer, options.folder, environment=LIMIT) as server:
                before = latency(put(server, options.seconds, rate_per_second=RATE_PER_SECOND))
                with memory.opened(server, count, CLIENT_CORES) as seen:
                    after = latency(put(server, options.seconds, rate_per_second=RATE_PER_SECOND))
            figures.add(peer.name, seen)
            figures.add(peer.name, {"p99_ms": before["p99_ms"]}, "alone_")
            figures.add(peer.name, after, "beside_idle_")
    return ScenarioResult(NAME, figures.by_name, notes=notes + core_notes())
