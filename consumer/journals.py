"""All journals of a folder: one pump each, also for those that appear later.

A journal whose worker is gone is pumped like any other. Must not know what a pump does.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from consumer.journal_source import JournalSource
from schemas.journal.segment import journals
from schemas.pump import Clock, Pump

LOOK_INTERVAL_SECONDS = 1.0


class Journals:
    """Runs a pump for each journal under `parent`; `pumps` and `sources` are by folder."""

    def __init__(
        self,
        parent: Path,
        *,
        source_of: Callable[[Path], JournalSource],
        pump_of: Callable[[JournalSource], Pump],
        clock: Clock,
    ) -> None:
        self.pumps: dict[Path, Pump] = {}
        self.sources: dict[Path, JournalSource] = {}
        self._parent = parent
        self._source_of = source_of
        self._pump_of = pump_of
        self._clock = clock
        self._tasks: dict[Path, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Pump until `stop` is set and every pump has returned; raises what a pump raises."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._look(stop)
                pause = asyncio.ensure_future(self._clock.sleep(LOOK_INTERVAL_SECONDS))
                await asyncio.wait(
                    (stopping, pause, *self._tasks.values()), return_when=asyncio.FIRST_COMPLETED
                )
                pause.cancel()
                self._reap()
            await asyncio.gather(*self._tasks.values())
        finally:
            for task in (stopping, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def troubles(self) -> Mapping[Path, Pump]:
        """Return the pumps that something keeps from moving."""
        return {folder: pump for folder, pump in self.pumps.items() if pump.trouble}

    def _look(self, stop: asyncio.Event) -> None:
        for folder in journals(self._parent):
            if folder in self._tasks:
                continue
            source = self._source_of(folder)
            pump = self._pump_of(source)
            self.sources[folder], self.pumps[folder] = source, pump
            self._tasks[folder] = asyncio.create_task(pump.run(stop))

    def _reap(self) -> None:
        """Raise what a pump raised; one that returned is started anew at the next look."""
        for folder, task in list(self._tasks.items()):
            if task.done():
                task.result()
                del self._tasks[folder], self.pumps[folder], self.sources[folder]
