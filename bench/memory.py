"""What a server's memory does: with idle connections open, and over very many hits.

Memory is the resident size of all the server's processes; what the kernel holds for sockets is not
in it, and is the same for every server.
"""

import resource
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench import pixel
from bench.drive import checked, drive
from bench.load import Load
from bench.server import Server

SPARE_DESCRIPTORS = 512
WARM_UP_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 2.0
ONE_PER_CONNECTION_SECONDS = 0.5


def allow_descriptors(count: int) -> None:
    """Raise this process's limit of open files, which servers started from it inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_DESCRIPTORS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def idle_connections(server: Server, count: int, cores: Sequence[int]) -> dict[str, float]:
    """Open connections that each made one request, and see what they cost while they are idle."""
    with opened(server, count, cores) as seen:
        return seen


@contextmanager
def opened(server: Server, count: int, cores: Sequence[int]) -> Iterator[dict[str, float]]:
    """Keep idle connections open, and yield what they cost."""
    checked(drive(Load(port=server.port, seconds=WARM_UP_SECONDS), cores))
    before = server.rss_bytes()
    with _open(server.port, count):
        after = server.rss_bytes()
        yield {
            "connections": count,
            "rss_bytes": after,
            "rss_bytes_before": before,
            "rss_bytes_per_connection": (after - before) / count,
        }


def many_hits(server: Server, hits: int, cores: Sequence[int]) -> dict[str, float]:
    """Send hits, a tenth of them first, and compare memory then and at the end."""
    _send(server, hits // 10, cores)
    before = server.rss_bytes()
    sent = _send(server, hits, cores)
    after = server.rss_bytes()
    return {
        "hits": sent,
        "rss_bytes_before": before,
        "rss_bytes": after,
        "rss_growth": after / before,
    }


def _send(server: Server, hits: int, cores: Sequence[int]) -> int:
    """Send at least so many hits, now and then on connections of their own."""
    sent = 0
    keep_alive = True
    while sent < hits:
        seconds = KEEP_ALIVE_SECONDS if keep_alive else ONE_PER_CONNECTION_SECONDS
        load = Load(server.port, seconds, warmup_seconds=0, keep_alive=keep_alive)
        sent += checked(drive(load, cores)).requests
        keep_alive = not keep_alive
    return sent


@contextmanager
def _open(port: int, count: int) -> Iterator[None]:
    with ExitStack() as opened:
        for browser in range(count):
            opened.enter_context(pixel.ask(port, browser))
        yield
