"""Clients that ask and ask and never read: what they cost, and what they do to the others.

Each sends pipelined requests until its connection takes no more, and reads nothing. A server that
buffers what they do not take grows; one that answers them first makes the others wait.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from bench import processes, traffic
from bench.peers import BY_NAME, available
from bench.rig import OURS, Figures, compared, core_notes, latency, put, started
from bench.scenario import ScenarioOptions, ScenarioResult
from bench.server import Server

NAME = "slow-readers"
ABOUT = "Clients that never read their answers: memory for each, and the others' latency."
PEERS = ("nginx", OURS, "aiohttp")
READERS = 200
QUICK_READERS = 2
RATE_PER_SECOND = 2_000.0
RECEIVE_BUFFER_BYTES = 4_096
SEND_BUFFER_BYTES = 65_536
SEGMENT_BYTES_MAX = 1_460  # as over Ethernet: loopback's 64 KiB would give each MBs of buffers
FULL_TURNS = 5  # in which no client could send anything more: all are full
TURN_SECONDS = 0.05
BUSY_SHARE = 0.1  # a server that uses less of its core has done what the slow readers asked
SENT_BYTES_MAX = 8 * 1024**2  # a server that takes more without an answer being read never stops


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure a fresh server of each kind before the slow readers come, and beside them."""
    figures = Figures()
    count = QUICK_READERS if options.quick else READERS
    found, notes = available(BY_NAME[name] for name in compared(PEERS, options))
    for _ in range(options.rounds):
        for peer in found:
            with started(peer, options.folder) as server:
                alone = latency(put(server, options.seconds, rate_per_second=RATE_PER_SECOND))
                before = server.rss_bytes()
                with _readers(server, count) as asked:
                    seen = put(server, options.seconds, rate_per_second=RATE_PER_SECOND)
                    each = (server.rss_bytes() - before) / count
            figures.add(peer.name, {"p99_ms": alone["p99_ms"]}, "alone_")
            figures.add(peer.name, latency(seen), "beside_slow_")
            values = {"rss_bytes_per_reader": each, "sent_bytes_per_reader": asked / count}
            figures.add(peer.name, values)
    return ScenarioResult(NAME, figures.by_name, notes=notes + core_notes())


class _Reader:
    """A client that does not read."""

    def __init__(self, port: int) -> None:
        self.sent_bytes = 0
        self._requests = b""
        self._sock = socket.socket()
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES_MAX)
        self._sock.connect(("127.0.0.1", port))
        self._sock.setblocking(False)

    def fill(self, requests: bytes) -> int:
        """Send until the connection takes no more; return how many bytes it took."""
        before = self.sent_bytes
        try:
            while self.sent_bytes < SENT_BYTES_MAX:
                self._requests = self._requests or requests
                sent = self._sock.send(self._requests)
                self._requests = self._requests[sent:]
                self.sent_bytes += sent
        except OSError:
            pass  # full, or closed by a server that has enough of it
        return self.sent_bytes - before

    def close(self) -> None:
        """Go away."""
        self._sock.close()


@contextmanager
def _readers(server: Server, count: int) -> Iterator[int]:
    """Have so many clients that are full; yield the bytes they could send."""
    request = traffic.request_lines(count=1)[0] + traffic.header_block(1, keep_alive=True)
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(_Reader(server.port))) for _ in range(count)]
        full_turns = 0
        while full_turns < FULL_TURNS:
            took = sum([reader.fill(request * 16) for reader in readers])
            before_ns = processes.cpu_ns(server.pids)
            server.wait(TURN_SECONDS)
            used_ns = processes.cpu_ns(server.pids) - before_ns
            is_busy = used_ns > BUSY_SHARE * TURN_SECONDS * 1e9
            full_turns = 0 if took or is_busy else full_turns + 1
        yield sum(reader.sent_bytes for reader in readers)
