"""Connections that end, and those that must not, on a real worker: slowness, limits, drain."""

import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.corpus.cases import pixel, post
from tests.support.raw_http import Answer, ConnectionEnded, RawConnection
from tests.support.waiting import wait_until
from tests.support.worker_thread import WorkerThread

ROBOTS = b"GET /robots.txt HTTP/1.1\r\nHost: t\r\n\r\n"
START = b"GET /start HTTP/1.1\r\nHost: t\r\n\r\n"
TRICKLE_SECONDS = 0.05
BY_LANE_OR_APP = pytest.mark.parametrize("first", [pixel(), ROBOTS], ids=["lane", "app"])


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    """A worker with short time-outs; it looks at them once a second."""
    with WorkerThread(
        tmp_path_factory.mktemp("impatient"), read_seconds_max=0.6, idle_seconds_max=1
    ) as running:
        yield running


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path_factory.mktemp("patient"), drain_seconds_max=2) as running:
        yield running


def trickle(connection: RawConnection, data: bytes) -> Answer:
    """Send a byte now and then until the server answers; fail if it never does."""
    for byte in itertools.islice(itertools.cycle(data), 200):
        connection.send(bytes((byte,)))
        connection.socket.settimeout(TRICKLE_SECONDS)
        try:
            if connection.ended():
                raise ConnectionEnded("closed without an answer")
        except TimeoutError:
            continue
        connection.socket.settimeout(5)
        return connection.answer()
    raise AssertionError("still open")


@BY_LANE_OR_APP
def test_a_trickled_head_is_answered_408(impatient: WorkerThread, first: bytes) -> None:
    before = impatient.metric("connections_timed_out_total")["read"]
    with RawConnection(impatient.port) as connection:
        connection.send(first)
        connection.answer()
        connection.send(b"GET /p.gif?e=x HTTP/1.1\r\nHost: t\r\n")
        answer = trickle(connection, b"X-A: b\r\n")
        assert (answer.status, answer.closes) == (408, True)
        assert connection.ended()
    assert impatient.metric("connections_timed_out_total")["read"] == before + 1


def test_a_trickled_first_head_is_answered_408(impatient: WorkerThread) -> None:
    for start in (b"GET /p.gif?", b"POST /p HTTP/1.1\r\nX-"):
        with RawConnection(impatient.port) as connection:
            connection.send(start)
            assert trickle(connection, b"x").status == 408


def test_a_trickled_body_is_answered_408(impatient: WorkerThread) -> None:
    with RawConnection(impatient.port) as connection:
        connection.send(b"POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n")
        answer = trickle(connection, b" ")
        assert (answer.status, answer.closes) == (408, True)


@BY_LANE_OR_APP
def test_an_idle_connection_is_closed_without_a_word(impatient: WorkerThread, first: bytes) -> None:
    before = impatient.metric("connections_timed_out_total")["idle"]
    with RawConnection(impatient.port) as connection:
        connection.send(first[:20], first[20:])  # in two pieces: the clock of a begun one must stop
        assert connection.answer().status == 200
        assert connection.ended()
    assert impatient.metric("connections_timed_out_total")["idle"] == before + 1


def test_a_connection_that_says_nothing_is_closed(impatient: WorkerThread) -> None:
    with RawConnection(impatient.port) as connection:
        assert connection.ended()


@pytest.mark.parametrize("request_", [pixel(), START], ids=["lane", "app"])
def test_a_client_that_never_reads_is_cut_off(impatient: WorkerThread, request_: bytes) -> None:
    """Its answers wait in a buffer with a bound; then nothing more is read from it."""
    with RawConnection(impatient.port, seconds_max=0.5) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(TimeoutError):
            connection.socket.sendall(request_ * 1_000_000)
        wait_until(lambda: impatient.metric("connections") == 0, what="the connection's end")


def test_a_slow_reader_gets_every_answer(worker: WorkerThread) -> None:
    count = 20_000
    with RawConnection(worker.port) as connection:
        sender = threading.Thread(target=connection.send, args=(pixel() * count,))
        sender.start()
        wait_until(lambda: is_full(connection.socket), what="a full receive buffer")
        assert all(connection.answer().status == 200 for _ in range(count))
        sender.join()


def is_full(one: socket.socket) -> bool:
    """Tell whether a socket's receive buffer holds more than the server may keep unsent."""
    return len(one.recv(1 << 20, socket.MSG_PEEK)) > 65536


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (pixel(), 200),
        (pixel() * 40, 200),
        (ROBOTS, 200),
        (post(b"{}"), 204),
        (post(b"{}") * 3, 204),
        (b"GET /p.gif HTTP/1.0\r\n\r\n", 200),
        (pixel(b"/p.gif", b"Connection: close"), 200),
    ],
)
def test_a_client_that_ends_its_half_gets_its_answers(
    worker: WorkerThread, request_: bytes, status: int
) -> None:
    count = max(1, request_.count(b" HTTP/1.1\r\n"))
    with RawConnection(worker.port) as connection:
        connection.send(request_)
        connection.end_sending()
        assert [answer.status for answer in connection.answers()] == [status] * count


PARTS = [b"GET /p.gif?e=", post(b"{}")[:-1], ROBOTS[:-2], pixel(), pixel() * 100, post(b"{}"),
         START * 20]  # fmt: skip


@pytest.mark.parametrize("reset", [False, True])
def test_clients_that_go_away_leave_nothing(worker: WorkerThread, reset: bool) -> None:
    for part in PARTS:
        with RawConnection(worker.port) as connection:
            connection.send(part)
            if reset:
                linger = struct.pack("ii", 1, 0)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wait_until(lambda: worker.metric("connections") == 0, what="the connections' end")
    worker.check()


def test_a_large_body_at_full_speed_is_413(worker: WorkerThread) -> None:
    for _ in range(5):
        with RawConnection(worker.port) as connection:
            connection.send(post(b"x" * 20_000_000))
            assert connection.answer().status == 413


def test_connections_over_the_limit_are_answered_503(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, connections_max=2) as worker:
        with RawConnection(worker.port) as one, RawConnection(worker.port) as two:
            for connection, request_ in ((one, pixel()), (two, ROBOTS)):
                connection.send(request_)
                assert connection.answer().status == 200
            with RawConnection(worker.port) as three:
                answer = three.answer()
                assert (answer.status, answer.closes) == (503, True)
                assert three.ended()
            assert worker.metric("connections_refused_total") == 1
            one.send(pixel())
            assert one.answer().status == 200
        wait_until(lambda: worker.metric("connections") == 0)
        assert worker.get("/p.gif")[0].status == 200


def test_a_draining_worker_answers_what_is_in_flight_and_says_close(tmp_path: Path) -> None:
    with (
        WorkerThread(tmp_path, drain_seconds_max=10) as worker,
        RawConnection(worker.port) as known,
        RawConnection(worker.port) as begun,
        RawConnection(worker.port) as app,
        RawConnection(worker.port) as idle,
    ):
        known.send(pixel())
        assert not known.answer().closes
        begun.send(pixel()[:30])
        app.send(ROBOTS)
        app.answer()
        app.send(post(b"[{},{}]")[:-3])
        idle.send(pixel())
        idle.answer()
        wait_until(lambda: worker.metric("connections") == 4)
        worker.stop()
        wait_until(lambda: worker.status.problem == "draining")
        known.send(pixel())  # the header block that the lane knows
        begun.send(pixel()[30:])
        app.send(post(b"[{},{}]")[-3:])
        answers = [connection.answer() for connection in (known, begun, app)]
        assert [(answer.status, answer.closes) for answer in answers] == [
            (200, True), (200, True), (204, True)]  # fmt: skip
        assert all(connection.ended() for connection in (known, begun, app, idle))
        wait_until(lambda: not worker.running, what="the worker's end")
        assert len(worker.lines()) == 6


def test_a_drain_ends_at_its_deadline(tmp_path: Path) -> None:
    with (
        WorkerThread(tmp_path, drain_seconds_max=0.5, read_seconds_max=60) as worker,
        RawConnection(worker.port) as head,
        RawConnection(worker.port) as body,
    ):
        head.send(pixel()[:30])
        body.send(post(b"{}")[:-1])
        wait_until(lambda: worker.metric("connections") == 2)
        worker.stop()
        wait_until(lambda: not worker.running, 5, "the worker's end")
        worker.check("drain deadline: 2 connections cut")


def test_the_journal_of_a_worker_that_ends_is_free(tmp_path: Path) -> None:
    with WorkerThread(tmp_path) as worker:
        worker.get("/p.gif")
    with WorkerThread(tmp_path) as again:
        again.get("/p.gif")
        assert len(again.lines()) == 2
