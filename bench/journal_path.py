"""The path without Kafka: collector, its journal, consumer and embedded store, for scenarios.

Each part can be stopped and started again while the others run. The collector has a core that it
shares with the load generator only where there is no third one, and the generator sleeps between
arrivals; consumer and store share another.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import processes
from bench.drive import FailedRunError, checked, drive
from bench.load import Load, Outcome
from bench.path import rows
from bench.peers import heliograph
from bench.pump import has_table, pings
from bench.rig import CORES
from bench.scenario import Points
from bench.server import Server, free_port, running

COLLECTOR_CORE, OTHER_CORE = CORES[0], CORES[-1]
CLIENT_CORE = CORES[1] if len(CORES) > 2 else COLLECTOR_CORE
CONNECTIONS = 32
DRAIN_SECONDS_MAX = 600.0
POLL_SECONDS = 0.1


class JournalPath:
    """The running path; made by `journal_path`."""

    def __init__(self, folder: Path, parts: ExitStack) -> None:
        self.servers: dict[str, Server] = {}
        self.store_port = free_port()
        self.sent_hits = 0
        self._folder = folder
        self._port = free_port()
        self._stacks: dict[str, ExitStack] = {}
        self._parts = parts
        for part in ("store", "collector", "consumer"):
            self.start(part)

    def start(self, part: str) -> None:
        """Start `collector`, `consumer` or `store`; raises ServerError."""
        core, port, answers = OTHER_CORE, self.store_port, pings
        if part == "store":
            launch = heliograph.store(self._folder, port)
        elif part == "consumer":
            launch, answers = heliograph.consumer(self._folder, port), has_table
        else:
            core, port = COLLECTOR_CORE, self._port
            launch = heliograph.launch(self._folder, port)
        stack = self._parts.enter_context(ExitStack())
        log = self._folder / f"{part}.log"
        how = {} if part == "collector" else {"answers": answers}
        self.servers[part] = stack.enter_context(running(launch, port, core, log, **how))
        self._stacks[part] = stack

    def stop(self, part: str) -> None:
        """Stop a part as an operator would."""
        self._stacks.pop(part).close()
        del self.servers[part]

    def put(self, rate: float, seconds: float, slice_seconds: float = 0.0) -> Outcome:
        """Put a steady load on the pixel; raises FailedRunError for any error in it."""
        load = Load(
            self._port,
            seconds,
            warmup_seconds=0,
            connections=CONNECTIONS,
            rate_per_second=rate,
            spin=False,
            slice_seconds=slice_seconds,
        )
        outcome = checked(drive(load, [CLIENT_CORE]))
        self.sent_hits += outcome.corrected.total - outcome.unsent
        return outcome

    def put_and_watch(
        self,
        rate: float,
        seconds: float,
        look: Callable[[float], bool],
        poll_seconds: float = POLL_SECONDS,
        slice_seconds: float = 0.0,
    ) -> Outcome:
        """Put a load on and meanwhile `look`, with the seconds since it began.

        It goes on looking after the load until that returns True.
        """
        with ThreadPoolExecutor(1) as pool:
            loaded = pool.submit(self.put, rate, seconds, slice_seconds)
            self._watch(loaded, look, poll_seconds)
            return loaded.result()

    def _watch(
        self, loaded: "Future[Outcome]", look: Callable[[float], bool], poll_seconds: float
    ) -> None:
        began = time.monotonic()
        while True:
            passed = time.monotonic() - began
            if look(passed) and loaded.done():
                return
            if loaded.done() and passed > DRAIN_SECONDS_MAX + loaded.result().seconds:
                raise FailedRunError(f"what was awaited did not come in {passed:.0f} s")
            time.sleep(poll_seconds)

    def rows(self) -> int:
        """Return how many hits are rows."""
        return rows(self.store_port)

    def wait_until_stored(self) -> float:
        """Wait until all hits sent are rows; return how many seconds that took."""
        began = time.monotonic()
        while (stored := self.rows()) < self.sent_hits:
            if time.monotonic() - began > DRAIN_SECONDS_MAX:
                raise FailedRunError(f"{stored} rows of {self.sent_hits} hits")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def memory(self, part: str) -> tuple[int, int]:
        """Return a part's resident bytes and open files."""
        pids = self.servers[part].pids
        return processes.rss_bytes(pids), processes.descriptors(pids)


@contextmanager
def journal_path(folder: Path) -> Iterator[JournalPath]:
    """Run the path; everything of it is gone afterwards."""
    with ExitStack() as parts:
        yield JournalPath(folder, parts)


def over_time(
    outcomes: Sequence[Outcome], slice_seconds: float, percent: float, start_seconds: float = 0.0
) -> Points:
    """Return a percentile (ms) by the end (s) of each slice, of phases that followed each other."""
    points = []
    for outcome in outcomes:
        for number, seen in enumerate(outcome.slices):
            end = start_seconds + (number + 1) * slice_seconds
            points.append((end, seen.percentile(percent) / 1e6))
        start_seconds += outcome.seconds
    return points
