"""The door: connections that come for one pixel, those that want more, and a host that is full."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest

from collector.door import CONNECTIONS_PER_TURN_MAX, Door
from tests.collector.corpus.cases import BROWSER, pixel
from tests.support.raw_http import RawConnection
from tests.support.worker_thread import WorkerThread

LONE = pixel(b"/p.gif?e=lone", *BROWSER, b"Connection: close")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path_factory.mktemp("door"), drain_seconds_max=2) as running:
        yield running


def events(worker: WorkerThread) -> list[str]:
    """Return the events in the journal."""
    segments = sorted(worker.folder.glob("*.ndjson"))
    lines = b"".join(segment.read_bytes() for segment in segments).splitlines()
    return [orjson.loads(line)["event"] for line in lines]


def test_a_lone_request_is_kept_answered_and_closed(worker: WorkerThread) -> None:
    before = events(worker).count("lone")
    count = CONNECTIONS_PER_TURN_MAX * 2
    connections = [RawConnection(worker.port) for _ in range(count)]
    for connection in connections:
        connection.send(LONE)
    for connection in connections:
        with connection:
            answer = connection.answer()
            assert answer.status == 200
            assert answer.closes
            assert connection.ended()
    assert events(worker).count("lone") == before + count


@pytest.mark.parametrize(
    "request_",
    [
        LONE + LONE,
        LONE[:-1],
        LONE.replace(b"Host", b"Hots"),
        LONE.replace(b"GET", b"PUT"),
        LONE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        LONE.replace(b"lone", b"lone#"),
        LONE.replace(b"Connection: close", b"X: a\r\nConnection: close\r\nConnection: close"),
    ],
)
def test_what_is_not_surely_alone_is_answered_as_in_pieces(
    worker: WorkerThread, request_: bytes
) -> None:
    seen = []
    for pieces in ((request_,), (request_[:1], request_[1:])):
        with RawConnection(worker.port) as connection:
            for piece in pieces:
                connection.send(piece)
            connection.end_sending()
            seen.append([answer.status for answer in connection.answers()])
    assert seen[0] == seen[1]


def test_a_client_that_is_gone_is_counted_all_the_same(worker: WorkerThread) -> None:
    before = events(worker).count("lone")
    with RawConnection(worker.port) as connection:
        connection.send(LONE)
    with RawConnection(worker.port) as connection:
        connection.send(LONE)
        connection.answer()
    assert events(worker).count("lone") == before + 2


class _Full:
    """A listening socket of a process that has no descriptor left."""

    family = socket.AF_INET
    closed = False

    def setblocking(self, flag: bool) -> None: ...

    def setsockopt(self, *option: int) -> None: ...

    def close(self) -> None:
        self.closed = True

    def _accept(self) -> tuple[int, tuple[str, int]]:
        raise OSError(errno.EMFILE, "Too many open files")


class _Loop:
    """Keeps who reads, and what is to be called later."""

    def __init__(self) -> None:
        self.readers: dict[Any, Any] = {}
        self.later: list[Any] = []

    def add_reader(self, file: Any, callback: Any) -> None:
        self.readers[file] = callback

    def remove_reader(self, file: Any) -> None:
        self.readers.pop(file, None)

    def call_later(self, seconds: float, callback: Any) -> None:
        self.later.append(callback)


def test_a_full_host_rests_the_door_and_a_closed_one_stays_closed() -> None:
    loop, listener = _Loop(), _Full()
    door = Door(cast("Any", listener), cast("Any", None), cast("asyncio.AbstractEventLoop", loop))
    door.open()
    loop.readers[listener]()
    assert not loop.readers
    loop.later.pop()()
    assert loop.readers
    loop.readers[listener]()
    door.close()
    loop.later.pop()()
    assert not loop.readers
    assert listener.closed
