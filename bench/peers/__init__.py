"""The servers compared: what each is, and how it is started.

A peer that is a program of its own (nginx, Heliograph) has a file that says how to configure it;
one written for the comparison has a file that is the program, run with ``python -m``. All answer
`GET /p.gif` with a GIF of 43 bytes from one process that serves one core.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import heliograph, nginx
from bench.server import Launch


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the comparison."""

    name: str
    what: str
    launch: Callable[[Path, int], Launch]
    """Takes a folder of the peer's own and the port to answer on."""
    missing: Callable[[], str] = lambda: ""
    """Says what to install, or nothing if the peer can run."""


def _program(module: str) -> Callable[[Path, int], Launch]:
    def launch(folder: Path, port: int) -> Launch:
        return Launch([sys.executable, "-m", f"bench.peers.{module}", str(port), str(folder)])

    return launch


PEERS = (
    Peer("nginx", "nginx `empty_gif`, an access log line per request", nginx.launch, nginx.missing),
    Peer(
        "heliograph",
        "everything on, the hit in the journal before the answer",
        heliograph.launch,
        heliograph.missing,
    ),
    Peer("floor", "uvloop answering fixed bytes without looking", _program("floor")),
    Peer("aiohttp", "aiohttp on uvloop, a bare GIF", _program("aiohttp_bare")),
    Peer("ordinary", "aiohttp, hit as a dict, orjson, file append", _program("ordinary")),
)
BY_NAME = {peer.name: peer for peer in PEERS}
