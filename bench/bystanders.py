"""How much of the machine others used meanwhile: a result from a busy machine has to say so.

The kernel's count of all CPU time less that of our own children, by the time they have ended. Linux
only; elsewhere nothing is known, and nothing said.
"""

import os
import resource
import time
from pathlib import Path

OTHER_WORK = "Other work"  # how the note begins
BUSY_SHARE = 0.1  # of all cores; above it latencies and rates are the others', too
_STAT = Path("/proc/stat")
_IDLE, _IO_WAIT = 3, 4  # columns of /proc/stat that are no work; guest time is in user's already
_WORK_COLUMNS = 8


class Bystanders:
    """Watches from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._all_seconds = _all_seconds()
        self._own_seconds = _own_seconds()

    def note(self) -> str:
        """Return a sentence on what others used until now; empty if it was little."""
        cores = os.cpu_count() or 1
        wall = time.monotonic() - self._began
        work = _all_seconds() - self._all_seconds
        share = (work - (_own_seconds() - self._own_seconds)) / max(wall * cores, 1e-9)
        if share < BUSY_SHARE:
            return ""
        return (
            f"{OTHER_WORK} took {share:.0%} of the machine: rates and latencies say nothing, and "
            "CPU times are inflated."
        )


def _all_seconds() -> float:
    """Return the CPU time that all processes and other guests of the host have used."""
    if not _STAT.exists():
        return 0.0
    columns = [int(ticks) for ticks in _STAT.read_text().splitlines()[0].split()[1:]]
    work = sum(columns[:_WORK_COLUMNS]) - columns[_IDLE] - columns[_IO_WAIT]
    return work / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Return the CPU time of this process and of all its descendants that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
