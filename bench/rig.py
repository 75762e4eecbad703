"""What scenarios share: servers on one core, the load from another, figures by peer and round.

Every server gets the same core and meets the same client; with one core only, both share it and a
scenario's note says so. A phase with errors raises `FailedRunError`. Knows no scenario.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.drive import FailedRunError, checked, drive
from bench.histogram import PERCENTILES, Histogram
from bench.load import Load, Outcome
from bench.peers import BY_NAME, Peer, available
from bench.samples import Sample
from bench.scenario import ScenarioOptions
from bench.server import Launch, Server, ServerError, free_port, running

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORES = CORES[1:2] or CORES[:1]
OURS = "heliograph"


class Figures:
    """Values by name, one for each round."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[float]] = {}

    def add(self, peer: str, values: Mapping[str, float], prefix: str = "") -> None:
        """Add a round's values of a peer; an empty peer is Heliograph alone."""
        for name, value in values.items():
            full = f"{peer}.{prefix}{name}" if peer else f"{prefix}{name}"
            self.by_name.setdefault(full, []).append(value)


def compared(names: Sequence[str], options: ScenarioOptions) -> Sequence[str]:
    """Return who takes part: the first two are enough to see that a scenario works."""
    return names[:2] if options.quick else names


def of_samples(samples: Iterable[Sample]) -> dict[str, list[float]]:
    """Return what a bench kept as samples, as figures by peer."""
    figures = Figures()
    for sample in samples:
        figures.add(sample.peer.replace(".", " "), sample.values)
    return figures.by_name


@contextmanager
def started(
    peer: Peer,
    folder: Path,
    cores: Sequence[int] = (SERVER_CORE,),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    """Start a peer with a folder of its own, and settings beyond its own."""
    own = folder / f"{peer.name}-{free_port()}"
    own.mkdir()
    port = free_port()
    launch = peer.launch(own, port)
    launch = Launch(launch.command, {**launch.environment, **environment})
    with running(launch, port, cores, own / "output.log") as server:
        yield server


@contextmanager
def all_started(
    names: Iterable[str], folder: Path
) -> Iterator[tuple[dict[str, Server], list[str]]]:
    """Start the peers that can be had; yield them by name, and a sentence for each other."""
    found, notes = available(BY_NAME[name] for name in names)
    servers = {}
    with ExitStack() as stack:
        for peer in found:
            try:
                servers[peer.name] = stack.enter_context(started(peer, folder))
            except ServerError as error:
                if peer.name == OURS:
                    raise
                notes.append(f"{peer.name} is not compared: {error}")
        yield servers, notes + core_notes()


def put(server: Server, seconds: float, **load: Any) -> Outcome:
    """Put a load on a server from the client's core; raises FailedRunError for any error in it."""
    settings: dict[str, Any] = {
        "warmup_seconds": 0.3,
        "connections": 64,
        "server_pids": server.pids,
    } | load
    try:
        return checked(drive(Load(server.port, seconds, **settings), CLIENT_CORES))
    except FailedRunError as error:
        raise FailedRunError(f"{' '.join(server.command)}: {error}") from error


def throughput(outcome: Outcome) -> dict[str, float]:
    """Return what a closed loop shows."""
    return {
        "requests_per_second": outcome.requests_per_second,
        "requests_per_cpu_second": outcome.requests / outcome.server_cpu_seconds,
        "cpu_us_per_request": outcome.cpu_us_per_request,
        "server_busy_share": outcome.server_busy,
        "client_busy_share": outcome.client_cpu_seconds / outcome.seconds,
    }


def latency(outcome: Outcome) -> dict[str, float]:
    """Return what an open loop shows: latency from the intended send time, and the rate held."""
    return {
        **percentiles(outcome.corrected),
        "max_ms": outcome.corrected.maximum / 1e6,
        "unsent_requests": outcome.unsent,
        "cpu_us_per_request": outcome.cpu_us_per_request,
    }


def percentiles(seen: Histogram) -> dict[str, float]:
    """Return a histogram's percentiles in milliseconds: `p50_ms` to `p99_99_ms`."""
    return {
        f"p{percent:g}".replace(".", "_") + "_ms": seen.percentile(percent) / 1e6
        for percent in PERCENTILES
    }


def core_notes() -> list[str]:
    """Say what the machine makes of the figures."""
    if len(CORES) > 1:
        return []
    return ["There is one core: server and load generator shared it, and nothing here is a fact."]
