"""One worker on a core and two on two, each worker at the same rate: does a second one cost more?

Where there are two cores, the load generator shares the second with a worker, asleep between
arrivals; CPU time is the workers' own, so what it takes does not count, but caches it cools do.
"""

from bench.peers import BY_NAME
from bench.rig import CORES, OURS, SERVER_CORE, Figures, put, started
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "two-workers"
ABOUT = "CPU time per hit with two workers, as a ratio to one worker's at the same rate each."
LOAD_SHARE = 0.25


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure both in turns."""
    if len(CORES) < 2:
        return ScenarioResult(NAME, skipped="Two workers need two cores.")
    figures = Figures()
    peer, folder = BY_NAME[OURS], options.folder
    two = {"HELIOGRAPH_COLLECTOR_WORKERS": "2"}
    with (
        started(peer, folder, [SERVER_CORE]) as single,
        started(peer, folder, CORES[:2], two) as double,
    ):
        limit = put(single, options.seconds).requests_per_second
        for _ in range(options.rounds):
            costs = []
            for workers, server in ((1, single), (2, double)):
                rate = limit * LOAD_SHARE * workers
                seen = put(server, options.seconds, rate_per_second=rate, spin=False)
                costs.append(seen.cpu_us_per_request)
                figures.add("", {"cpu_us_per_hit": costs[-1]}, f"{workers}_workers_")
            figures.add("", {"cpu_per_hit_2_over_1_ratio": costs[1] / costs[0]})
    notes = ["Two cores: the load generator shared one."] if len(CORES) == 2 else []
    return ScenarioResult(NAME, figures.by_name, notes=notes)
