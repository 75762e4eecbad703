"""What one core answers, by how many connections ask: Heliograph, nginx and the floor.

With more connections an event loop finds more to do in each turn, and a request costs less; with
one, each costs a turn of its own. At the end, memory: over very many hits, on a server that did
nothing else.
"""

from statistics import median

from bench import memory
from bench.peers import BY_NAME
from bench.rig import CLIENT_CORES, OURS, Figures, all_started, compared, put, started, throughput
from bench.scenario import Points, ScenarioOptions, ScenarioResult

NAME = "hot-path"
ABOUT = "Pixels per CPU second of one core with 1 to 1,024 connections, and memory over many."
SECONDS = 2.0
PEERS = (OURS, "nginx", "floor")
CONNECTIONS = (1, 8, 64, 256, 1_024)
QUICK_CONNECTIONS = (1, 64)
HITS = 1_000_000


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure each number of connections in turn, then memory."""
    figures = Figures()
    counts = QUICK_CONNECTIONS if options.quick else CONNECTIONS
    with all_started(compared(PEERS, options), options.folder) as (servers, notes):
        for _ in range(options.rounds):
            for count in counts:
                for peer, server in servers.items():
                    seen = throughput(put(server, options.seconds, connections=count))
                    figures.add(peer, seen, f"with_{count}_")
    if options.quick:
        notes.append("The short form leaves memory over many hits out.")
    else:
        with started(BY_NAME[OURS], options.folder) as server:
            grown = memory.many_hits(server, HITS, CLIENT_CORES)
            figures.add(OURS, grown, "many_hits_")
    series: dict[str, Points] = {
        f"{peer} (requests/CPU s) over connections": [
            (count, median(figures.by_name[f"{peer}.with_{count}_requests_per_cpu_second"]))
            for count in counts
        ]
        for peer in servers
    }
    return ScenarioResult(NAME, figures.by_name, series, notes)
