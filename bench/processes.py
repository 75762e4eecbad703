"""Processes as the kernel sees them: their descendants, CPU time and memory. Linux only.

CPU time is read from the process's CPU clock: the same sum as utime + stime in /proc, but in
nanoseconds instead of ticks of 10 ms, so phases may be short. Knows nothing of what they do.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_ns(pids: Iterable[int]) -> int:
    """Return the CPU time the processes used until now, user and system, all threads."""
    return sum(time.clock_gettime_ns(_cpu_clock(pid)) for pid in pids)


def rss_bytes(pids: Iterable[int]) -> int:
    """Return the resident memory of the processes."""
    return sum(int(_proc(pid, "statm").split()[1]) * _PAGE_BYTES for pid in pids)


def descriptors(pids: Iterable[int]) -> int:
    """Return how many files and sockets the processes have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """Run on these cores only; processes started inside stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu_clock(pid: int) -> int:
    """Return the id of a process's CPU clock, as clock_getcpuclockid(3) does on Linux."""
    return (~pid << 3) | 2


def _parent(pid: int) -> int:
    try:
        return int(_proc(pid, "stat").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended while we looked


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()
