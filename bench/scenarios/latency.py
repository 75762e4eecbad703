"""Latency at shares of saturation, from the intended send time, of Heliograph and nginx.

Saturation is what the closed loop reached in the same round. Each is asked at shares of its own,
and Heliograph at shares of nginx's too where that is less than all of its own, since that is where
an operator who had nginx before would put it.
"""

from statistics import median

from bench.rig import OURS, Figures, all_started, latency, put
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "latency"
ABOUT = "Latency of the pixel at 25, 50, 75 and 90 % of saturation, beside nginx's."
SECONDS = 3.0
SHARES = (0.25, 0.5, 0.75, 0.9)
PEERS = ("nginx", OURS)
HELD_SHARE = 0.95


def run(options: ScenarioOptions) -> ScenarioResult:
    """Find saturation, then measure at shares of it."""
    figures = Figures()
    shares = (0.25, 0.5) if options.quick else SHARES
    with all_started(PEERS, options.folder) as (servers, notes):
        for _ in range(options.rounds):
            limits = {
                peer: put(server, options.seconds).requests_per_second
                for peer, server in servers.items()
            }
            for peer, server in servers.items():
                figures.add(peer, {"saturation_requests_per_second": limits[peer]})
                for share in shares:
                    rate = limits[peer] * share
                    seen = put(server, options.seconds, rate_per_second=rate)
                    figures.add(peer, latency(seen), f"at_{share * 100:.0f}_percent_")
            for share in shares if "nginx" in limits else ():
                rate = limits["nginx"] * share
                if rate < limits[OURS] * HELD_SHARE:
                    seen = put(servers[OURS], options.seconds, rate_per_second=rate)
                    figures.add(OURS, latency(seen), f"at_{share * 100:.0f}_percent_of_nginx_")
                else:
                    notes.append(f"{share:.0%} of nginx's saturation is more than we hold.")
    series = {
        f"{peer}, {name} (ms) over share of its saturation (%)": [
            (share * 100, median(found))
            for share in shares
            if (found := figures.by_name.get(f"{peer}.at_{share * 100:.0f}_percent_{name}_ms"))
        ]
        for peer in servers
        for name in ("p50", "p99", "p99_9")
    }
    return ScenarioResult(NAME, figures.by_name, series, list(dict.fromkeys(notes)))
