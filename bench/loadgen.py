"""The load generator: one process, one thread, plain sockets, epoll; ``python -m bench.loadgen``.

It reads a `Load` as a line of JSON on stdin and writes an `Outcome` as one on stdout. An arrival
has its time before anything is sent: when no connection is free it waits, and the wait is part of
its latency, so a stalled server can't hide behind requests that were never sent (coordinated
omission). While an arrival is near it spins on epoll, so it wants a core of its own, unless told to
sleep.
Knows nothing of who serves the port.
"""

import errno
import gc
import json
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle

from bench import answers, processes
from bench.histogram import Histogram
from bench.load import Load, Outcome
from bench.mixes import MIXES, Shape

RECEIVE_BYTES = 65_536
EVENTS_MAX = 256
IDLE_WAIT_SECONDS = 0.001

clock = time.perf_counter_ns


class Connection:
    """A place for one connection, with the request that is on it."""

    __slots__ = (
        "answer_bytes", "answered", "expected", "headers", "intended_ns", "keep_alive", "received",
        "requests", "sent_ns", "sock", "unsent",
    )  # fmt: skip

    def __init__(
        self, shape: Shape, requests: Iterator[tuple[bytes, bytes]], seed: int, keep_alive: bool
    ) -> None:
        # What it asks, and what it must be answered; the length answers had so far.
        self.keep_alive = keep_alive and not shape.alone
        self.requests = requests
        self.headers = shape.headers(seed, self.keep_alive)
        self.expected = shape.expected
        self.answer_bytes = 0
        # The request under way.
        self.sock: socket.socket | None = None
        self.unsent = b""
        self.received = b""
        self.answered = True
        self.intended_ns = 0
        self.sent_ns = 0


class Generator:
    """Drives the connections of one phase."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.outcome = Outcome()
        # The schedule: arrival number n is due at start_ns + n * interval_ns; 0 is the closed loop.
        self.interval_ns = 1e9 / load.rate_per_second if load.rate_per_second else 0.0
        self.start_ns = 0
        self.due_ns = 0
        self.arrivals = 0
        self.measure_from_ns = 0
        self.slice_ns = round(load.slice_seconds * 1e9)
        # The places to send from.
        self.idle = deque(_connections(load))
        self.by_fd: dict[int, Connection] = {}
        self.epoll = select.epoll()
        self.completed = 0

    def run(self) -> Outcome:
        """Warm up, measure, wait for what is in flight, and report."""
        load, outcome = self.load, self.outcome
        self.start_ns = self.due_ns = clock()
        self.measure_from_ns = self.start_ns + round(load.warmup_seconds * 1e9)
        end_ns = self.measure_from_ns + round(load.seconds * 1e9)
        self._pump(self.measure_from_ns)
        before = self.completed, clock(), processes.cpu_ns(load.server_pids), time.process_time()
        self._pump(end_ns)
        outcome.client_cpu_seconds = time.process_time() - before[3]
        outcome.server_cpu_seconds = (processes.cpu_ns(load.server_pids) - before[2]) / 1e9
        outcome.seconds = (clock() - before[1]) / 1e9
        outcome.requests = self.completed - before[0]
        self._drain(end_ns)
        return outcome

    def _pump(self, until_ns: int) -> None:
        poll, by_fd = self.epoll.poll, self.by_fd
        while (now_ns := clock()) < until_ns and self.outcome.errors.total() < self.load.errors_max:
            self._send_due(now_ns)
            for fd, _ in poll(self._patience(now_ns), EVENTS_MAX):
                self._on_ready(by_fd[fd])

    def _drain(self, end_ns: int) -> None:
        """Send what is still due, take the answers, and account for what never came."""
        deadline_ns = end_ns + round(self.load.timeout_seconds * 1e9)
        while clock() < deadline_ns and self.outcome.errors.total() < self.load.errors_max:
            if self.interval_ns:
                self._send_due(end_ns - 1)
            if not self.by_fd or all(connection.answered for connection in self.by_fd.values()):
                break
            for fd, _ in self.epoll.poll(IDLE_WAIT_SECONDS, EVENTS_MAX):
                self._on_ready(self.by_fd[fd])
        now_ns = clock()
        silent = sum(not connection.answered for connection in self.by_fd.values())
        if silent:
            self.outcome.errors["timeout"] += silent
        while self.interval_ns and self.due_ns < end_ns:
            if self.due_ns >= self.measure_from_ns:
                self.outcome.unsent += 1
                self._count(self.due_ns, now_ns - self.due_ns)
            self._next_arrival()

    def _patience(self, now_ns: int) -> float:
        """Return how long epoll may wait: not at all while an arrival is near."""
        near_ns = self.due_ns - now_ns
        if not self.interval_ns or near_ns > 2e9 * IDLE_WAIT_SECONDS:
            return IDLE_WAIT_SECONDS
        if not self.load.spin and (near_ns > 0 or not self.idle):
            # epoll counts in milliseconds, select in microseconds.
            select.select([self.epoll], [], [], near_ns / 1e9 if self.idle else IDLE_WAIT_SECONDS)
        return 0

    def _next_arrival(self) -> None:
        self.arrivals += 1
        self.due_ns = self.start_ns + int(self.arrivals * self.interval_ns)

    def _send_due(self, now_ns: int) -> None:
        idle = self.idle
        for _ in range(len(idle)):
            if self.due_ns > now_ns:
                break
            self._send(idle.popleft())
            self._next_arrival()

    def _send(self, connection: Connection) -> None:
        connection.answered = False
        connection.sent_ns = clock()
        connection.intended_ns = self.due_ns if self.interval_ns else connection.sent_ns
        line, body = next(connection.requests)
        request = line + connection.headers + body
        sock = connection.sock or self._open(connection)
        try:
            sent = sock.send(request)
        except BlockingIOError:
            connection.unsent = request
            self.epoll.modify(sock, select.EPOLLOUT)
        except OSError as error:
            self._fail(connection, errno.errorcode.get(error.errno or 0, "send"))
        else:
            assert sent == len(request), "a request fits a socket's send buffer"

    def _open(self, connection: Connection) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.sock = sock
        sock.setblocking(False)
        self.by_fd[sock.fileno()] = connection
        self.epoll.register(sock, select.EPOLLIN)
        sock.connect_ex(("127.0.0.1", self.load.port))
        return sock

    def _on_ready(self, connection: Connection) -> None:
        sock = connection.sock
        assert sock is not None
        try:
            if connection.unsent:
                sock.send(connection.unsent)
                connection.unsent = b""
                self.epoll.modify(sock, select.EPOLLIN)
                return
            data = sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(connection, errno.errorcode.get(error.errno or 0, "receive"))
            return
        if data:
            self._on_data(connection, data)
        else:
            self._on_end(connection)

    def _on_data(self, connection: Connection, data: bytes) -> None:
        expected = connection.expected
        if connection.received or not answers.looks_like(data, connection.answer_bytes, expected):
            connection.received += data
            try:
                if not answers.is_whole(connection.received, expected):
                    return
            except answers.BadAnswerError as error:
                self._fail(connection, f"answer {error}")
                return
            connection.answer_bytes = len(connection.received)
            connection.received = b""
        self._on_answer(connection)

    def _on_answer(self, connection: Connection) -> None:
        if connection.answered:
            self._fail(connection, "answer without a request")
            return
        now_ns = clock()
        connection.answered = True
        self.completed += 1
        if connection.intended_ns >= self.measure_from_ns:
            self._count(connection.intended_ns, now_ns - connection.intended_ns)
            self.outcome.uncorrected.record(now_ns - connection.sent_ns)
        if connection.keep_alive:
            self.idle.append(connection)

    def _count(self, intended_ns: int, latency_ns: int) -> None:
        self.outcome.corrected.record(latency_ns)
        if self.slice_ns:
            number = (intended_ns - self.measure_from_ns) // self.slice_ns
            slices = self.outcome.slices
            slices += (Histogram() for _ in range(number + 1 - len(slices)))
            slices[number].record(latency_ns)

    def _on_end(self, connection: Connection) -> None:
        if connection.keep_alive or not connection.answered:
            self._fail(connection, "closed early")
            return
        self._close(connection)
        self.idle.append(connection)

    def _fail(self, connection: Connection, reason: str) -> None:
        """Count an error and free the connection's place, unless it was free already."""
        self.outcome.errors[reason] += 1
        self._close(connection)
        if not (connection.answered and connection.keep_alive):
            self.idle.append(connection)
        connection.answered = True

    def _close(self, connection: Connection) -> None:
        assert connection.sock is not None
        del self.by_fd[connection.sock.fileno()]
        connection.sock.close()
        connection.sock = None
        connection.unsent = connection.received = b""


def _connections(load: Load) -> Iterator[Connection]:
    shapes = MIXES[load.mix]
    requests = {shape.name: cycle(shape.requests(load.seed)) for shape in shapes}
    for number, shape in zip(range(load.connections), cycle(shapes), strict=False):
        seed = load.seed * 100_000 + number
        yield Connection(shape, requests[shape.name], seed, load.keep_alive)


def main() -> None:
    """Do one phase as told on stdin."""
    gc.disable()
    load = Load.decode(json.loads(sys.stdin.readline()))
    print(json.dumps(Generator(load).run().encode()))


if __name__ == "__main__":
    main()
