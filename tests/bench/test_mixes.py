"""The mixes hold requests the collector keeps as they are meant: real hits, without problems."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from bench.mixes import BATCH, BEACON, MIXES, Shape, hits_per_request
from collector.parameters import parse_query
from schemas.limits import BEACON_EVENTS_MAX

SHAPES = {shape.name: shape for mix in MIXES.values() for shape in mix}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)


@shapes
def test_a_shapes_requests_are_whole_and_repeatable(shape: Shape) -> None:
    requests = shape.requests(3)
    assert requests == shape.requests(3)
    assert requests != shape.requests(4)
    for head, body in requests[:50]:
        for block in (shape.headers(5, True), shape.headers(5, False)):
            request = head + block + body
            begin, end, rest = request.partition(b"\r\n\r\n")
            assert end
            assert rest == body
            length = begin.partition(b"\r\nContent-Length: ")[2].partition(b"\r\n")[0]
            assert int(length or 0) == len(body)
        assert shape.headers(5, True) != shape.headers(5, False)


@pytest.mark.parametrize("name", ["browser", "mail"])
def test_a_pixels_query_is_understood(name: str) -> None:
    for head, _ in SHAPES[name].requests(1)[:200]:
        target = head.split(b" ")[1].decode()
        members: dict[str, object] = {}
        parse_query(urlsplit(target).query, members)
        assert "problems" not in members
        assert len(members) >= len(parse_qs(urlsplit(target).query)) - 1


def test_events_are_one_or_as_many_as_said() -> None:
    assert all("e" in json.loads(body) for _, body in BEACON.requests(1))
    for _, body in BATCH.requests(1):
        assert len(json.loads(body)) == BATCH.hits <= BEACON_EVENTS_MAX


def test_a_mix_knows_how_many_hits_it_brings() -> None:
    assert hits_per_request("browsers") == 1
    assert hits_per_request("batches") == BATCH.hits
    assert hits_per_request("mixed") == pytest.approx(1 + (BATCH.hits - 1) / 20)
