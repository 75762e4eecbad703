"""How each kind of fault is made and unmade: one small class, one row of `MAKERS` for each kind.

Called by the main thread; nothing here waits for a part to recover.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.schedule import CONSUMERS, KINDS, Fault
from tests.chaos.service import Service, send
from tests.chaos.system import GROUP_FIRST, System
from tests.consumer.faulty_proxy import Mode
from tests.support.waiting import wait_until

# A worker reports once a second: how long a count of lost hits takes to be seen.
SETTLE_SECONDS = 2.5
LOST = "heliograph_collector_hits_lost_total"


@dataclass(slots=True)
class Action:
    """One fault under way. `begin`, then `tick` again and again, then `end`."""

    system: System
    target: int

    def begin(self) -> None:
        """Make the fault; raises NotHere if this machine can't."""

    def tick(self, seconds_left: float) -> None:
        """Keep it up."""

    def end(self) -> None:
        """Unmake it."""


@dataclass(slots=True)
class Kill(Action):
    """kill -9 of a command's children, or of its supervisor."""

    parts: Callable[[System], Sequence[Service]]
    supervisor: bool = False

    def begin(self) -> None:
        service = self.parts(self.system)[self.target]
        pids = [service.supervisor] if self.supervisor else service.children()
        for pid in pids:
            send(pid, signal.SIGKILL)


@dataclass(slots=True)
class Freeze(Action):
    """SIGSTOP of a command's children, or of its supervisor."""

    parts: Callable[[System], Sequence[Service]]
    supervisor: bool = False
    frozen: list[int] = field(default_factory=list)

    def begin(self) -> None:
        service = self.parts(self.system)[self.target]
        self.frozen = [service.supervisor] if self.supervisor else list(service.children())
        for pid in self.frozen:
            send(pid, signal.SIGSTOP)

    def end(self) -> None:
        for pid in self.frozen:
            send(pid, signal.SIGCONT)


@dataclass(slots=True)
class KillBroker(Action):
    """kill -9; started again at the end."""

    def begin(self) -> None:
        self.system.brokers[self.target].kill()

    def end(self) -> None:
        self.system.brokers[self.target].start()


@dataclass(slots=True)
class FreezeBroker(Action):
    """SIGSTOP: its connections stay open and silent."""

    def begin(self) -> None:
        self.system.brokers[self.target].freeze()

    def end(self) -> None:
        self.system.brokers[self.target].resume()


@dataclass(slots=True)
class CutBroker(Action):
    """No packet from it or to it."""

    def begin(self) -> None:
        node = self.system.brokers[self.target].node
        self.system.firewall.cut_off(node, GROUP_FIRST + node.id)

    def end(self) -> None:
        self.system.firewall.heal()


@dataclass(slots=True)
class FillDisk(Action):
    """The journal's disk is full, until there is just time to read what was counted as lost."""

    before: float = 0.0
    lost: int = 0

    def begin(self) -> None:
        # No answer: the supervisor is just starting, and has counted nothing.
        self.before = self.system.collectors[self.target].metric(LOST) or 0.0
        self.system.disks[self.target].fill()

    def tick(self, seconds_left: float) -> None:
        if seconds_left > SETTLE_SECONDS:
            self.system.disks[self.target].fill()
        else:
            self.system.disks[self.target].free()

    def end(self) -> None:
        self.system.disks[self.target].free()
        collector = self.system.collectors[self.target]
        counts: list[float] = []

        def counted() -> bool:
            counts.extend(count for count in [collector.metric(LOST)] if count is not None)
            return bool(counts)

        wait_until(counted, what="a count of lost hits")
        self.lost = round(counts[-1] - self.before)


@dataclass(slots=True)
class AddConsumer(Action):
    """One more consumer for a while: partitions move to it, and back."""

    def begin(self) -> None:
        self.system.consumers[CONSUMERS].wait()
        self.system.consumers[CONSUMERS].start()

    def end(self) -> None:
        self.system.consumers[CONSUMERS].terminate()


@dataclass(slots=True)
class StopConsumer(Action):
    """SIGTERM of a consumer, as in an upgrade; it comes back at the end."""

    def begin(self) -> None:
        self.system.consumers[self.target].terminate()

    def end(self) -> None:
        self.system.consumers[self.target].wait()
        self.system.consumers[self.target].start()


@dataclass(slots=True)
class Lie(Action):
    """What stands between the consumers and the store misbehaves."""

    mode: Mode

    def begin(self) -> None:
        self.system.proxy.set(self.mode)

    def end(self) -> None:
        self.system.proxy.set(Mode.PASS)


def _stores(system: System) -> Sequence[Service]:
    return [system.store]


MAKERS: Mapping[str, Callable[[System, int], Action]] = {
    "kill worker": lambda s, t: Kill(s, t, lambda s: s.collectors),
    "freeze worker": lambda s, t: Freeze(s, t, lambda s: s.collectors),
    "kill collector's supervisor": lambda s, t: Kill(s, t, lambda s: s.collectors, True),
    "freeze collector's supervisor": lambda s, t: Freeze(s, t, lambda s: s.collectors, True),
    "kill shipper": lambda s, t: Kill(s, t, lambda s: s.shippers),
    "freeze shipper": lambda s, t: Freeze(s, t, lambda s: s.shippers),
    "kill shipper's supervisor": lambda s, t: Kill(s, t, lambda s: s.shippers, True),
    "freeze shipper's supervisor": lambda s, t: Freeze(s, t, lambda s: s.shippers, True),
    "fill journal's disk": FillDisk,
    "kill broker": KillBroker,
    "freeze broker": FreezeBroker,
    "cut broker off": CutBroker,
    "kill consumer": lambda s, t: Kill(s, t, lambda s: s.consumers),
    "freeze consumer": lambda s, t: Freeze(s, t, lambda s: s.consumers),
    "kill consumer's supervisor": lambda s, t: Kill(s, t, lambda s: s.consumers, True),
    "freeze consumer's supervisor": lambda s, t: Freeze(s, t, lambda s: s.consumers, True),
    "add a consumer": AddConsumer,
    "stop a consumer": StopConsumer,
    "kill store": lambda s, t: Kill(s, t, _stores),
    "freeze store": lambda s, t: Freeze(s, t, _stores),
    "kill store's supervisor": lambda s, t: Kill(s, t, _stores, True),
    "store answers 500": lambda s, t: Lie(s, t, Mode.ERROR),
    "store hangs": lambda s, t: Lie(s, t, Mode.HANG),
    "store's answers are lost": lambda s, t: Lie(s, t, Mode.CUT),
}
assert set(MAKERS) == set(KINDS)


def make(system: System, fault: Fault) -> Action:
    """Return what makes a fault."""
    return MAKERS[fault.kind](system, fault.target)
