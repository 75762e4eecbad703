"""The lane without a network: its memo of a header block, pauses, shares, what it hands over."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from collector import lane as lane_module
from collector.connections import Connections
from collector.group_commit import GroupCommit
from collector.lane import Lane, LaneShared
from collector.responses import PixelAnswers
from tests.collector.corpus.cases import BROWSER, pixel, post
from tests.support.built_hits import Bench
from tests.support.fake_transport import FakeLoop, FakeTransport, HandedOver
from tests.support.visitors import OTHER_VISITOR, cookie

OTHER = (*BROWSER[:-2], b"Cookie: " + cookie(OTHER_VISITOR), b"Sec-GPC: 1")


class _Journal:
    """Keeps lines in memory."""

    at_risk = 0
    took = 0.0

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def append(self, lines: list[bytes]) -> bool:
        self.lines += lines
        return True

    def settle(self) -> tuple[int, int]:
        return 0, 0


class Rig:
    """One lane and all around it."""

    def __init__(self, loop: FakeLoop, **settings: Any) -> None:
        bench = Bench(**settings)
        self.loop = loop
        self.journal = _Journal()
        self.transport = FakeTransport()
        self.counters = bench.counters
        self.connections = Connections(
            bench.counters, connections_max=10, idle_seconds_max=75, read_seconds_max=10, now=100.0
        )
        self.shared = LaneShared(
            bench.settings,
            facts=bench.reader,
            builder=bench.builder,
            answers=PixelAnswers(),
            commit=GroupCommit(
                cast("Any", self.journal), bench.counters, cast("Any", loop), lambda: 0.0
            ),
            counters=bench.counters,
            connections=self.connections,
            new_app_connection=HandedOver,
        )
        self.lane = Lane(self.shared)
        self.lane.connection_made(self.transport)

    def receive(self, data: bytes) -> list[dict[str, Any]]:
        """Give bytes to the lane, run the loop dry, and return the hits they left."""
        before = len(self.journal.lines)
        owner = self.transport.protocol or self.lane
        cast("asyncio.Protocol", owner).data_received(data)
        while self.loop.soon:
            self.loop.turn()
        return [orjson.loads(line) for line in self.journal.lines[before:]]

    @property
    def handed_over(self) -> bytes | None:
        """What the application was given; None if the lane has the connection still."""
        app = self.transport.protocol
        return app.received if isinstance(app, HandedOver) else None


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> FakeLoop:
    fake = FakeLoop()
    named = SimpleNamespace(**vars(asyncio) | {"get_running_loop": lambda: fake})
    monkeypatch.setattr(lane_module, "asyncio", named)
    return fake


def fresh(loop: FakeLoop, request: bytes) -> dict[str, Any] | None:
    """Return the hit that a request leaves as the first of a connection; None: handed over."""
    hits = Rig(loop).receive(request)
    return same(hits[0]) if hits else None


def same(hit: dict[str, Any]) -> dict[str, Any]:
    """Return what must not depend on what came before."""
    return {
        name: value for name, value in hit.items() if name not in ("id", "visitor_id", "session_id")
    }


HEADS = [(), BROWSER, OTHER, BROWSER[:3], (*BROWSER, b"X: y"), BROWSER[1:], (b"Sec-GPC: 1",)]
TARGETS = [b"/p.gif", b"/p.gif?", b"/p.gif?e=a", b"/p.gif?e=a&uid=me&consent=denied"]
REQUESTS = [pixel(t, *h, method=m) for h in HEADS for t in TARGETS for m in (b"GET", b"HEAD")]
TAIL = pixel(b"/p.gif?e=a", *BROWSER).partition(b"?e=a")[2]
# What ends with a known header block and is more, or other, than one plain request with it.
TRICKS = [
    b"GET /p.gif?e=b" + TAIL[:-2] + b"X: y\r\n\r\n",
    b"GET /p.gif?" + TAIL,
    b"GET /p.gif?e=a" + TAIL + b"GET /p.gif?e=b" + TAIL,
    b"GET /p.gif?e=b HTTP/1.1\r\nSec-GPC: 1\r\nX: y" + TAIL,
    b"GET /p.gif?e=b HTTP/1.1\r\nHost: evil\r\nX:" + TAIL,
    b"GET /p.gif?e=b\r\nX: y" + TAIL,
    b"GET /p.gif?e=b HTTP/1.1" + TAIL,
    b"GET /p.gif?e=b\n" + TAIL,
    b"GET /p.gif?e=b\x00" + TAIL,
    b"GET /p.gif?e=b\x7f" + TAIL,
    b"GET /p.gif?e=\xe4" + TAIL,
    b"GET /p.gif?e=b#c" + TAIL,
    b"GET /p.gif?" + b"x" * 9000 + TAIL,
    b"GET /p.gif?" + b"x" * 8160 + TAIL,
    b"GET /p.gifx?e=b" + TAIL,
    b"POST /p.gif?e=b" + TAIL,
    b"HEAD /p.gif?e=b" + TAIL,
    TAIL,
    TAIL[1:],
]


@pytest.mark.parametrize("first", [*REQUESTS[::3], pixel(b"/p.gif?e=a", *BROWSER)])
def test_no_request_depends_on_the_one_before_it(loop: FakeLoop, first: bytes) -> None:
    """A request means the same on a connection that knows a header block as on a new one."""
    for second in [*REQUESTS, *TRICKS]:
        rig = Rig(loop)
        assert len(rig.receive(first)) == 1
        known = Rig(loop)
        expected = [same(hit) for hit in known.receive(second)]
        assert [same(hit) for hit in rig.receive(second)] == expected, second
        assert rig.handed_over == known.handed_over, second
        assert rig.lane.begun_at == known.lane.begun_at


def test_facts_stay_with_the_header_block_they_came_from(loop: FakeLoop) -> None:
    rig = Rig(loop)
    known = pixel(b"/p.gif?e=a", *BROWSER)
    (first,) = rig.receive(known)
    rig.receive(pixel(b"/p.gif?e=a", *OTHER, method=b"HEAD"))
    (again,) = rig.receive(known)
    assert again["visitor_id"] == first["visitor_id"]
    assert again["consent_source"] == "default"


def test_a_proxy_that_speaks_http_1_0_stays_in_the_lane(loop: FakeLoop) -> None:
    rig = Rig(loop)
    old = pixel(b"/p.gif?e=a", b"Connection: close").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert len(rig.receive(old)) == 1
    assert rig.handed_over is None
    assert b"\r\nConnection: close\r\n" in rig.transport.written
    assert rig.transport.closing


@pytest.mark.parametrize("request_", [pixel(b"/p.gif?e=a", *BROWSER), pixel(), post(b"{}")])
def test_every_split_is_the_same_request(loop: FakeLoop, request_: bytes) -> None:
    whole = fresh(loop, request_)
    for cut in range(1, len(request_)):
        rig = Rig(loop)
        hits = rig.receive(request_[:cut]) + rig.receive(request_[cut:])
        assert [same(hit) for hit in hits] == ([whole] if whole else [])
        assert (rig.handed_over or b"") == (b"" if whole else request_)


def test_one_connection_takes_its_share_of_a_turn(loop: FakeLoop) -> None:
    rig = Rig(loop, pipelined_requests_max=4)
    rig.lane.data_received(pixel() * 10)
    assert not rig.transport.reading
    taken = []
    while rig.loop.soon:
        rig.loop.turn()
        taken.append(len(rig.journal.lines))
    assert max(b - a for a, b in zip([0, *taken], taken, strict=False)) == 4
    assert taken[-1] == 10
    assert rig.transport.reading
    assert rig.transport.written.count(b"HTTP/1.1 200 OK") == 10


def test_a_client_that_does_not_read_is_not_read_from(loop: FakeLoop) -> None:
    rig = Rig(loop)
    rig.lane.pause_writing()
    assert not rig.transport.reading
    assert rig.receive(pixel() * 2) == []
    rig.connections.sweep(150.0)
    assert not rig.transport.closing, "its request has arrived: no time-out of reading"
    rig.lane.resume_writing()
    rig.loop.turn()
    assert len(rig.journal.lines) == 2
    assert rig.transport.reading


def test_a_connection_without_movement_is_cut_off_if_answers_wait(loop: FakeLoop) -> None:
    rig = Rig(loop)
    rig.receive(pixel())
    rig.transport.unsent = 1
    rig.connections.sweep(100.0 + 74)
    assert not rig.transport.closing
    rig.connections.sweep(100.0 + 75)
    assert rig.transport.aborted


def test_the_clock_of_a_request_begins_with_its_first_byte_and_ends_with_its_last(
    loop: FakeLoop,
) -> None:
    rig = Rig(loop)
    request = pixel()
    for at, byte in enumerate(request[:-1]):
        rig.connections.sweep(100.0 + at / 100)
        rig.receive(bytes((byte,)))
    assert rig.lane.begun_at == 100.0
    rig.receive(request[-1:])
    assert rig.lane.begun_at == 0.0
    rig.receive(request[:5])
    rig.connections.sweep(rig.lane.begun_at + 10.1)
    assert rig.transport.written.endswith(b"408 Request Timeout\n")
    assert rig.transport.closing


@pytest.mark.parametrize("first", [pixel(b"/p.gif?e=x", b"Connection: close"), pixel()])
def test_nothing_is_taken_behind_the_last_answer(loop: FakeLoop, first: bytes) -> None:
    rig = Rig(loop)
    rig.receive(pixel())
    rig.connections.draining = True
    rig.lane.data_received(first)
    rig.lane.data_received(pixel() * 2)
    while rig.loop.soon:
        rig.loop.turn()
    assert len(rig.journal.lines) == 2
    assert rig.transport.closing
    assert rig.transport.written.count(b"\r\nConnection: close\r\n") == 1
