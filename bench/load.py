"""What a load generator is told and what it says back; both cross a process border as JSON.

`Load` is the order: how many connections, closed loop or a fixed arrival rate, for how long.
`Outcome` is the report. Outcomes of several generators running at once merge into one.
Knows nothing of sockets.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.histogram import Histogram

ERRORS_MAX = 100


@dataclass(frozen=True, slots=True)
class Load:
    """One phase of load on a port of this machine."""

    port: int
    seconds: float
    warmup_seconds: float = 0.3
    connections: int = 64
    rate_per_second: float | None = None
    """Arrivals a second, decided before sending; None: each answer brings the next request."""
    keep_alive: bool = True
    """Without it every request has a connection of its own, which the server closes."""
    mix: str = "browsers"
    """What is sent: a name of `bench.mixes`."""
    spin: bool = True
    """Without it the generator sleeps until an arrival is due: it leaves its core to others, and
    sends some 60 µs late, which counts as latency."""
    slice_seconds: float = 0.0
    """With it the latencies are kept for each so long a slice of the window too."""
    errors_max: int = ERRORS_MAX
    """Then the phase is over: a broken server would be hammered for nothing."""
    timeout_seconds: float = 5.0
    seed: int = 1
    server_pids: tuple[int, ...] = ()
    """Whose CPU time to read at both ends of the measured window."""

    def encode(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    @classmethod
    def decode(cls, encoded: dict[str, Any]) -> "Load":
        """Read what `encode` returned."""
        return cls(**{**encoded, "server_pids": tuple(encoded["server_pids"])})


@dataclass(slots=True)
class Outcome:
    """What happened in the measured window."""

    requests: int = 0
    seconds: float = 0.0
    server_cpu_seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    unsent: int = 0
    """Arrivals of the schedule for which no connection came free: the rate was not held."""
    errors: Counter[str] = field(default_factory=Counter)
    corrected: Histogram = field(default_factory=Histogram)
    """Latency from the intended send time."""
    uncorrected: Histogram = field(default_factory=Histogram)
    """Latency from the actual send time: what coordinated omission would leave of it."""
    slices: list[Histogram] = field(default_factory=list)
    """`corrected` by the slice of the window in which the arrival was due, if slices were asked."""

    @property
    def requests_per_second(self) -> float:
        """Answers a second of wall time."""
        return self.requests / self.seconds

    @property
    def cpu_us_per_request(self) -> float:
        """Server CPU time an answer cost, in microseconds."""
        return self.server_cpu_seconds * 1e6 / self.requests

    @property
    def server_busy(self) -> float:
        """Share of one core the server used: near 1 if it, not the client, was the limit."""
        return self.server_cpu_seconds / self.seconds

    def merge(self, other: "Outcome") -> None:
        """Add what another generator saw in the same window of the same servers."""
        self.requests += other.requests
        self.seconds = max(self.seconds, other.seconds)
        self.server_cpu_seconds = max(self.server_cpu_seconds, other.server_cpu_seconds)
        self.client_cpu_seconds += other.client_cpu_seconds
        self.unsent += other.unsent
        self.errors.update(other.errors)
        self.corrected.merge(other.corrected)
        self.uncorrected.merge(other.uncorrected)
        self.slices += (Histogram() for _ in range(len(other.slices) - len(self.slices)))
        for mine, theirs in zip(self.slices, other.slices, strict=False):
            mine.merge(theirs)

    def encode(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        histograms = {name: plain[name].encode() for name in ("corrected", "uncorrected")}
        return plain | histograms | {"slices": [one.encode() for one in self.slices]}

    @classmethod
    def decode(cls, encoded: dict[str, Any]) -> "Outcome":
        """Read what `encode` returned."""
        histograms = {n: Histogram.decode(encoded[n]) for n in ("corrected", "uncorrected")}
        slices = [Histogram.decode(one) for one in encoded["slices"]]
        errors = Counter(encoded["errors"])
        return cls(**{**encoded, "errors": errors, **histograms, "slices": slices})
