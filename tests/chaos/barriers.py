"""A disk that can be full, and a firewall that can cut one broker off; both need root on Linux."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.kafka.properties import Node

PIECE_BYTES = 64 * 1024


class NotHere(Exception):
    """This machine can't do that; the message says why."""


class SmallDisk:
    """A tmpfs of its own; without root a plain folder, which never gets full."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        self._mounted = os.geteuid() == 0 and _succeeds(
            "mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)
        )

    def fill(self) -> None:
        """Take all room there is now; call it again and again, since readers free some.

        Raises NotHere.
        """
        if not self._mounted:
            raise NotHere("no small disk could be mounted: that needs root")
        with self._ballast.open("ab", buffering=0) as file:
            for size in (PIECE_BYTES, 4096):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


class Firewall:
    """One chain of iptables, that the janitor takes away in any case."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._made = False

    def cut_off(self, node: Node, group: int) -> None:
        """Let nothing of a broker out (it runs as `group`), and nothing in to its ports.

        Connections that are open stay so, and silent. Raises NotHere.
        """
        self._make()
        # On loopback what goes in comes out first, so one hook sees both directions.
        ports = f"{node.port},{node.controller_port}"
        rules = (
            ("-m", "owner", "--gid-owner", str(group)),
            ("-p", "tcp", "-m", "multiport", "--dports", ports),
        )
        for rule in rules:
            if not _succeeds("iptables", "-w", "-A", self._chain, "-o", "lo", *rule, "-j", "DROP"):
                self.heal()
                raise NotHere(f"iptables has no {rule[-3]} match here")

    def heal(self) -> None:
        """Let everything through."""
        if self._made:
            _succeeds("iptables", "-w", "-F", self._chain)

    def _make(self) -> None:
        if self._made:
            return
        if os.geteuid() != 0 or shutil.which("iptables") is None:
            raise NotHere("cutting a broker off needs root and iptables")
        if not _succeeds("iptables", "-w", "-N", self._chain):
            raise NotHere("iptables can't make a chain here")
        _succeeds("iptables", "-w", "-A", "OUTPUT", "-j", self._chain)
        self._made = True


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
