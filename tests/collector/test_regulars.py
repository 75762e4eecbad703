"""Header blocks that came before: they say what they said, for the same address, within bounds."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from collector import lane as lane_module
from collector.regulars import BLOCK_BYTES_MAX, REGULARS_MAX, SEEN_MAX, Regulars
from tests.collector.corpus.cases import BROWSER, pixel
from tests.collector.test_lane import HEADS, REQUESTS, TAIL, TRICKS, Rig, same
from tests.support.fake_transport import FakeLoop, FakeTransport

PEER = "203.0.113.77"
CLOSE = b"Connection: close"
BLOCKS = [tuple(line for line in head if b"Connection" not in line) for head in HEADS]
LONE = pixel(b"/p.gif?e=a", *BLOCKS[1], CLOSE)
LONE_TAIL = LONE.partition(b"?e=a")[2]
LONES = [
    *[pixel(t, *h, CLOSE) for h in BLOCKS for t in (b"/p.gif", b"/p.gif?e=a&v=1", b"/p.gif?e=%41")],
    *[trick.replace(TAIL, LONE_TAIL) for trick in TRICKS],
    pixel(b"/p.gif?e=a", *BROWSER),
    LONE.replace(b"HTTP/1.1", b"HTTP/1.0"),
    pixel(b"/p.gif?e=a", *BROWSER).replace(b"HTTP/1.1", b"HTTP/1.0"),
    LONE[:-1],
    LONE + b"x",
]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> FakeLoop:
    fake = FakeLoop()
    named = SimpleNamespace(**vars(asyncio) | {"get_running_loop": lambda: fake})
    monkeypatch.setattr(lane_module, "asyncio", named)
    return fake


def lone(rig: Rig, request: bytes, peer: str = PEER) -> tuple[bool, list[Any]]:
    """Take a request as the door does; return whether it was taken, what it left, the answer."""
    connection = FakeTransport()
    before = len(rig.journal.lines)
    taken = rig.shared.take_lone(request, peer, connection)
    while rig.loop.soon:
        rig.loop.turn()
    hits = [same(orjson.loads(line)) for line in rig.journal.lines[before:]]
    return taken, [hits, connection.closing, bytes(connection.written).partition(b"hg=")[0]]


@pytest.mark.parametrize("first", [LONE, LONE.replace(b"?e=a", b""), *LONES[2:12:3]])
def test_a_lone_request_means_the_same_whoever_came_before(loop: FakeLoop, first: bytes) -> None:
    for second in LONES:
        rig = Rig(loop)
        assert all(lone(rig, first)[0] for _ in range(3))
        assert lone(rig, second) == lone(Rig(loop), second), second


def test_a_connection_begins_the_same_whoever_came_before(loop: FakeLoop) -> None:
    first = pixel(b"/p.gif?e=a", *BROWSER)
    for second in [*REQUESTS, *TRICKS]:
        rig, fresh = Rig(loop), Rig(loop)
        peer = rig.transport.get_extra_info("peername")[0]
        for _ in range(2):
            assert rig.shared.read(first, peer)
        assert [same(hit) for hit in rig.receive(second)] == [
            same(hit) for hit in fresh.receive(second)
        ], second
        assert rig.handed_over == fresh.handed_over, second


def test_a_block_is_of_the_address_it_came_from(loop: FakeLoop) -> None:
    rig = Rig(loop)
    for peer in (PEER, PEER, "198.51.100.9", "198.51.100.9", PEER):
        _, ((hit,), *_) = lone(rig, LONE, peer)
        assert hit["ip"] == peer


def test_what_is_remembered_is_bounded() -> None:
    regulars = Regulars()
    facts = cast("Any", object())
    for number in range(SEEN_MAX + 1):
        for _ in range(2):
            regulars.note(PEER, b"%d" % number, facts, close=True)
        assert regulars.find((PEER, b"%d" % number)) == (facts, True)
    assert len(vars(regulars)["_known"]) <= REGULARS_MAX
    assert len(vars(regulars)["_seen"]) <= SEEN_MAX
    long = bytes(BLOCK_BYTES_MAX + 1)
    for _ in range(2):
        regulars.note(PEER, long, facts, close=True)
    assert regulars.find((PEER, long)) is None
