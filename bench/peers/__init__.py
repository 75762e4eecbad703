"""The servers compared: what each is, and how it is started.

A peer that is a program of its own (nginx, Heliograph) has a file that says how to configure it;
one written for the comparison has a file that is the program, run with ``python -m``. All answer
`GET /p.gif` with a GIF of 43 bytes from one process that serves one core. `PEERS` need nothing but
nginx; what `MORE` need, `prepare` puts into `.cache/peers`.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import (
    bootstrap,
    go_plain,
    heliograph,
    nginx,
    nginx_lua,
    nginx_njs,
    python_servers,
)
from bench.peers.unavailable import UnavailableError
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
    prepare: Callable[[], None] = lambda: None
    """Installs what only this peer needs; raises UnavailableError."""
    kept: str = ""
    """The file in its folder that has a line for each request answered, if there is one."""


def _program(module: str) -> Callable[[Path, int], Launch]:
    def launch(folder: Path, port: int) -> Launch:
        return Launch([sys.executable, "-m", f"bench.peers.{module}", str(port), str(folder)])

    return launch


PEERS = (
    Peer(
        "nginx",
        "nginx `empty_gif`, an access log line per request",
        nginx.launch,
        nginx.missing,
        kept="access.log",
    ),
    Peer(
        "heliograph",
        "everything on, the hit in the journal before the answer",
        heliograph.launch,
        heliograph.missing,
    ),
    Peer("floor", "uvloop answering fixed bytes without looking", _program("floor")),
    Peer("aiohttp", "aiohttp on uvloop, a bare GIF", _program("aiohttp_bare")),
    Peer(
        "ordinary",
        "aiohttp, hit as a dict, orjson, file append",
        _program("ordinary"),
        kept="hits.ndjson",
    ),
)
MORE = (
    Peer(
        "nginx-njs",
        "nginx, njs making the line of JSON that its log writes",
        nginx_njs.launch,
        nginx.missing,
        nginx_njs.prepare,
        kept="hits.ndjson",
    ),
    Peer(
        "nginx-lua",
        "nginx, LuaJIT making the line of JSON that its log writes",
        nginx_lua.launch,
        nginx.missing,
        nginx_lua.prepare,
        kept="hits.ndjson",
    ),
    Peer(
        "ordinary-kafka",
        "aiohttp, `producer.send` per hit, answered before Kafka has it",
        _program("ordinary_kafka"),
        bootstrap.missing,
    ),
    Peer(
        "starlette",
        "Starlette on uvicorn (uvloop, httptools), orjson, file append",
        python_servers.uvicorn,
        prepare=python_servers.prepare,
        kept="hits.ndjson",
    ),
    Peer(
        "granian",
        "Granian (Rust), RSGI, orjson, file append",
        python_servers.granian,
        prepare=python_servers.prepare,
        kept="hits.ndjson",
    ),
    Peer(
        "go",
        "Go's net/http, hit as a struct, JSON, file append",
        go_plain.launch,
        prepare=go_plain.prepare,
        kept="hits.ndjson",
    ),
)
# A collector one would like to see here, and why it is not.
ABSENT = (
    "GoatCounter is not compared: the Go module proxy did not serve zgo.at/goatcounter/v2 "
    "(2026-11-24); `go` stands in its place, without its database.",
    "Snowplow's collector is not compared: its last Apache-2.0 release, 2.10.0, is published as a "
    "container image and at GitHub, not on Maven Central.",
)
BY_NAME = {peer.name: peer for peer in (*PEERS, *MORE)}


def available(peers: Iterable[Peer]) -> tuple[list[Peer], list[str]]:
    """Install what is needed; return the peers that can run, and a sentence for each other."""
    found, notes = [], []
    for peer in peers:
        reason = peer.missing()
        if not reason:
            try:
                peer.prepare()
            except UnavailableError as error:
                reason = str(error)
        if reason:
            notes.append(f"{peer.name} is not compared; it needs: {reason}")
        else:
            found.append(peer)
    return found, notes
