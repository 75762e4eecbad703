"""What goes wrong, and when: faults drawn from a seed before anything runs.

Faults come in lanes. Those of one lane follow one another, those of different lanes overlap: what
takes hits in, the brokers, and what puts them into the store. The same seed and length give the
same schedule. Pure; must not know how a fault is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

COLLECTORS, BROKERS, CONSUMERS = 2, 3, 2
# Time for everything to run before the first fault.
CALM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: its lane, how many parts it may hit, and how long it lasts.

    One that lasts no time, as a kill, is mended by whoever supervises the part.
    """

    lane: str
    targets: int
    seconds_min: float
    seconds_max: float


KINDS: Mapping[str, Kind] = {
    # What takes hits in. A shipper frozen for longer than its transaction's time-out is fenced.
    "kill worker": Kind("intake", COLLECTORS, 0, 0),
    "freeze worker": Kind("intake", COLLECTORS, 0.5, 4),
    "kill collector's supervisor": Kind("intake", COLLECTORS, 0, 0),
    "freeze collector's supervisor": Kind("intake", COLLECTORS, 1, 6),
    "kill shipper": Kind("intake", COLLECTORS, 0, 0),
    "freeze shipper": Kind("intake", COLLECTORS, 1, 9),
    "kill shipper's supervisor": Kind("intake", COLLECTORS, 0, 0),
    "freeze shipper's supervisor": Kind("intake", COLLECTORS, 1, 6),
    # Of these seconds the last 2.5 are needed to read how many hits were counted as lost.
    "fill journal's disk": Kind("intake", COLLECTORS, 4, 8),
    # The brokers; never two of them at once, since two of three copies must be in sync.
    "kill broker": Kind("brokers", BROKERS, 0.5, 4),
    "freeze broker": Kind("brokers", BROKERS, 1, 8),
    "cut broker off": Kind("brokers", BROKERS, 2, 8),
    # What puts hits into the store. A consumer frozen for longer than its session is a zombie.
    "kill consumer": Kind("store", CONSUMERS, 0, 0),
    "freeze consumer": Kind("store", CONSUMERS, 1, 7),
    "kill consumer's supervisor": Kind("store", CONSUMERS, 0, 0),
    "freeze consumer's supervisor": Kind("store", CONSUMERS, 1, 6),
    "add a consumer": Kind("store", 1, 2, 6),
    "stop a consumer": Kind("store", CONSUMERS, 2, 6),
    "kill store": Kind("store", 1, 0, 0),
    "freeze store": Kind("store", 1, 1, 6),
    "kill store's supervisor": Kind("store", 1, 0, 0),
    "store answers 500": Kind("store", 1, 1, 4),
    "store hangs": Kind("store", 1, 1, 6),
    "store's answers are lost": Kind("store", 1, 1, 4),
}
# Seconds from the end of a fault to the next one of its lane.
GAPS: Mapping[str, tuple[float, float]] = {
    "intake": (0.5, 5),
    "brokers": (3, 9),
    "store": (0.5, 5),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `at` and `seconds` count from the run's start."""

    at: float
    kind: str
    target: int
    seconds: float

    @property
    def name(self) -> str:
        """Return the kind, and the part's number where there are several."""
        return f"{self.kind} {self.target}" if KINDS[self.kind].targets > 1 else self.kind


def schedule(seed: int, seconds: float) -> Sequence[Fault]:
    """Return the faults of a run, in their order; all of them end within `seconds`.

    Each lane shuffles all of its kinds before it repeats one, so a long run has each of them.
    """
    faults = [fault for lane in GAPS for fault in _lane(Random(f"{seed} {lane}"), lane, seconds)]
    return sorted(faults, key=lambda fault: fault.at)


def _lane(random: Random, lane: str, seconds: float) -> Sequence[Fault]:
    faults: list[Fault] = []
    at = CALM_SECONDS
    while True:
        kinds = [name for name, kind in KINDS.items() if kind.lane == lane]
        random.shuffle(kinds)
        for name in kinds:
            kind = KINDS[name]
            at += random.uniform(*GAPS[lane])
            lasts = random.uniform(kind.seconds_min, kind.seconds_max)
            fault = Fault(round(at, 2), name, random.randrange(kind.targets), round(lasts, 2))
            if at + lasts > seconds:
                return faults
            faults.append(fault)
            at += lasts
