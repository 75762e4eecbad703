"""The load generator itself: what it holds from one core, and how late it is.

Against the floor, a server that answers without looking: what is seen above it elsewhere is the
server's. A generator that can't hold a rate says nothing of a server at that rate.
"""

from bench.peers import BY_NAME
from bench.rig import Figures, core_notes, latency, put, started
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "load-generator"
ABOUT = "The rates one core of load generator holds against a server that only answers."
RATES_PER_SECOND = (10_000, 50_000, 80_000, 100_000)
QUICK_RATES_PER_SECOND = (1_000,)


def run(options: ScenarioOptions) -> ScenarioResult:
    """Try each rate, and as fast as answers come."""
    figures = Figures()
    rates = QUICK_RATES_PER_SECOND if options.quick else RATES_PER_SECOND
    with started(BY_NAME["floor"], options.folder) as server:
        for _ in range(options.rounds):
            fast = put(server, options.seconds)
            per_cpu_second = fast.requests / fast.client_cpu_seconds
            figures.add("", {"requests_per_client_cpu_second": per_cpu_second})
            figures.add("", {"closed_loop_requests_per_second": fast.requests_per_second})
            for rate in rates:
                seen = put(server, options.seconds, rate_per_second=rate)
                values = {"requests_per_second": seen.requests_per_second, **latency(seen)}
                figures.add("", values, f"at_{rate}_")
    return ScenarioResult(NAME, figures.by_name, notes=core_notes())
