"""What each way in costs: browsers, proxies of mail, beacons, batches of a server, and all at once.

Only Heliograph: the peers know the pixel alone. A batch has 20 events, posted to the beacon's path.
"""

from bench.mixes import MIXES, hits_per_request
from bench.peers import BY_NAME
from bench.rig import OURS, Figures, core_notes, latency, put, started, throughput
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "mixed-traffic"
ABOUT = "CPU time per hit and latency of browsers, mail, beacons, batches and a mix of them."
LATENCY_SHARE = 0.5


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure each mix as fast as it goes, then at half of that."""
    figures = Figures()
    with started(BY_NAME[OURS], options.folder) as server:
        for _ in range(options.rounds):
            for mix in ["mixed"] if options.quick else MIXES:
                hits = hits_per_request(mix)
                fast = put(server, options.seconds, mix=mix)
                rate = fast.requests_per_second * LATENCY_SHARE
                steady = put(server, options.seconds, mix=mix, rate_per_second=rate)
                values = throughput(fast) | {
                    "hits_per_cpu_second": fast.requests * hits / fast.server_cpu_seconds,
                    "cpu_us_per_hit": fast.cpu_us_per_request / hits,
                    **{f"half_load_{name}": value for name, value in latency(steady).items()},
                }
                figures.add("", values, f"{mix}_")
    notes = ["Mail comes with one request per connection, as its proxies do.", *core_notes()]
    notes.append("In the mix a hit counts as its connection's share says, not as it was sent.")
    return ScenarioResult(NAME, figures.by_name, notes=notes)
