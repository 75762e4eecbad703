"""Cleans up after a run, however it ends: a process of its own that waits for the run's end.

    with Janitor(folder) as janitor:
        ...  # whatever is started inherits janitor.token in its environment

When its standard input ends, also because the run was killed -9, it kills every process that has
the run's token in its environment (frozen ones too), takes the run's firewall chain away, and
unmounts what is mounted under the run's folder. Runs as a script; imports nothing of ours.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

VARIABLE = "CHAOS_RUN"
SECONDS_MAX = 20.0


class Janitor:
    """Starts the process; the end of the context is the end of everything that was started."""

    def __init__(self, folder: Path) -> None:
        self.token = uuid.uuid4().hex[:12]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def chain(self) -> str:
        """The name of the run's firewall chain."""
        return chain_of(self.token)

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, self.token, str(self._folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        os.environ[VARIABLE] = self.token
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.environ.pop(VARIABLE, None)
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(2 * SECONDS_MAX)
        assert code == 0, f"the janitor left something behind: exit code {code}"


def chain_of(token: str) -> str:
    """Return the firewall chain's name."""
    return f"CHAOS-{token}"


def clean(token: str, folder: Path) -> bool:
    """Kill, unmount, open the firewall; tell whether nothing is left."""
    deadline = time.monotonic() + SECONDS_MAX
    while pids := list(processes(token)):
        for pid in pids:
            _kill(pid)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    open_firewall(chain_of(token))
    for mount in reversed(mounts(folder)):
        subprocess.run(["umount", mount], check=False)
    return not mounts(folder)


def processes(token: str) -> Iterator[int]:
    """Yield the run's processes that are alive, but for this one."""
    wanted = f"{VARIABLE}={token}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            # A process that waits to be reaped has an empty environment.
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
        except OSError:
            continue


def mounts(folder: Path) -> list[str]:
    """Return what is mounted under a folder, in the order in which it was."""
    try:
        rows = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return []
    return [row.split()[1] for row in rows if Path(row.split()[1]).is_relative_to(folder)]


def open_firewall(chain: str) -> None:
    """Take the run's chain away; does nothing if there is none."""
    try:
        found = subprocess.run(["iptables", "-w", "-S", chain], capture_output=True, check=False)
    except FileNotFoundError:
        return
    if found.returncode:
        return
    for hook in ("INPUT", "OUTPUT"):
        subprocess.run(
            ["iptables", "-w", "-D", hook, "-j", chain], capture_output=True, check=False
        )
    for how in ("-F", "-X"):
        subprocess.run(["iptables", "-w", how, chain], check=False)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    sys.exit(0 if clean(sys.argv[1], Path(sys.argv[2])) else 1)
