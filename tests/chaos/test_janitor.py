"""The janitor leaves nothing behind, also when the run itself is killed -9."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.barriers import Firewall, NotHere, SmallDisk
from tests.chaos.janitor import Janitor, chain_of, mounts, processes
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, as the chaos run does"),
]

RUN = """
import subprocess, sys, time
from pathlib import Path
from deploy.kafka.properties import Node
from tests.chaos.barriers import Firewall, SmallDisk
from tests.chaos.janitor import Janitor
with Janitor(Path(sys.argv[1])) as janitor:
    SmallDisk(Path(sys.argv[1]) / "disk", 1)
    try:
        Firewall(janitor.chain).cut_off(Node(1, 1, 2), 51001)
    except Exception:
        pass
    process = subprocess.Popen(["sleep", "600"])
    print(janitor.token, process.pid, flush=True)
    time.sleep(600)
"""


def has_chain(token: str) -> bool:
    listed = subprocess.run(["iptables", "-w", "-S"], capture_output=True, check=False)
    return chain_of(token).encode() in listed.stdout


def test_a_run_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    token, pid = run.stdout.readline().split()
    os.kill(int(pid), signal.SIGSTOP)
    assert int(pid) in list(processes(token))
    run.kill()
    run.wait()
    run.stdout.close()
    wait_until(lambda: not list(processes(token)), what="the end of all processes")
    wait_until(lambda: not mounts(tmp_path), what="the end of all mounts")
    if os.geteuid() == 0:
        wait_until(lambda: not has_chain(token), what="an open firewall")


def test_a_disk_is_full_and_has_room_again(tmp_path: Path) -> None:
    with Janitor(tmp_path):
        disk = SmallDisk(tmp_path / "disk", 1)
        try:
            disk.fill()
        except NotHere as reason:
            pytest.skip(str(reason))
        file = tmp_path / "disk" / "journal"
        with pytest.raises(OSError, match="No space left"):
            file.write_bytes(b"x" * 8192)
        disk.free()
        assert file.write_bytes(b"x" * 8192) == 8192
    assert not mounts(tmp_path)


def test_a_firewall_that_was_never_made_heals(tmp_path: Path) -> None:
    Firewall("CHAOS-none").heal()
