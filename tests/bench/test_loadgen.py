"""The load generator against servers whose delays and faults are known."""

import json
from collections import Counter

import pytest

from bench.answers import ACCEPTED
from bench.drive import FailedRunError, checked
from bench.histogram import Histogram
from bench.load import ERRORS_MAX, Outcome
from bench.loadgen import EVENTS_MAX
from bench.mixes import MIXES
from tests.bench.conftest import ANSWER, NO_CONTENT, Behaviour, Driven

MS = 1_000_000


async def test_a_known_delay_is_what_it_measures(driven: Driven) -> None:
    _, outcome = await driven(Behaviour(delay_seconds=0.02), connections=16, rate_per_second=200)
    for latency in (outcome.corrected, outcome.uncorrected):
        assert latency.total == 100
        assert 20 * MS <= latency.minimum < 25 * MS
        assert latency.percentile(50) < 50 * MS
    assert checked(outcome) is outcome
    assert outcome.unsent == 0


async def test_a_stall_counts_for_every_arrival_it_delayed(driven: Driven) -> None:
    """400 ms of 2 s: a fifth of the arrivals waited, though only 4 requests were on the wire."""
    stalled = Behaviour(stall_after=300, stall_seconds=0.4)
    _, outcome = await driven(stalled, seconds=2, connections=4, rate_per_second=400)
    assert outcome.corrected.total == 800
    assert outcome.corrected.percentile(90) > 100 * MS
    assert outcome.corrected.maximum >= 390 * MS
    assert outcome.uncorrected.percentile(90) < outcome.corrected.percentile(90) / 2


async def test_a_stall_has_the_distribution_it_must_have(driven: Driven) -> None:
    """Who was due t before the end of a stall waited t: the arrivals of it waited evenly long.

    A server that answered one request after another would show 4 waits; the schedule shows 160.
    """
    stalled = Behaviour(stall_after=300, stall_seconds=0.4)
    _, outcome = await driven(stalled, seconds=2, connections=4, rate_per_second=400)
    for waited_ms in (50, 100, 200, 300, 350):
        waiting = 400 * (0.4 - waited_ms / 1_000)
        percent = 100 * (1 - (waiting - 4) / 800)  # the stall begins up to 4 arrivals late
        assert outcome.corrected.percentile(percent) >= waited_ms * MS


async def test_slices_show_when_the_stall_was(driven: Driven) -> None:
    stalled = Behaviour(stall_after=300, stall_seconds=0.4)
    load = {"seconds": 2, "connections": 4, "rate_per_second": 400, "slice_seconds": 0.5}
    _, outcome = await driven(stalled, **load)
    assert [one.total for one in outcome.slices] == [200] * 4
    assert max(outcome.slices, key=lambda one: one.maximum) is outcome.slices[1]
    assert sum(one.total for one in outcome.slices) == outcome.corrected.total


async def test_it_holds_its_rate_asleep_too(driven: Driven) -> None:
    behaviour = Behaviour(delay_seconds=0.02)
    _, outcome = await driven(behaviour, connections=64, rate_per_second=200, spin=False)
    assert checked(outcome).corrected.total == 100
    assert outcome.unsent == 0
    assert outcome.corrected.minimum >= 20 * MS


@pytest.mark.parametrize("mix", MIXES)
async def test_each_mix_is_sent_as_its_shapes(driven: Driven, mix: str) -> None:
    server, outcome = await driven(Behaviour(), mix=mix, connections=20, rate_per_second=400)
    assert checked(outcome)
    assert outcome.unsent == 0
    methods = {"POST" if b"/p HTTP" in request else "GET" for request in server.requests}
    assert methods == {"POST" if shape.expected == ACCEPTED else "GET" for shape in MIXES[mix]}
    short = sum(b"Connection: close" in request for request in server.requests)
    share = sum(shape.alone for shape in MIXES[mix]) / len(MIXES[mix])
    assert short / len(server.requests) == pytest.approx(share, abs=0.1)


async def test_an_answer_of_another_kind_fails_the_run(driven: Driven) -> None:
    _, outcome = await driven(Behaviour(answer=NO_CONTENT), connections=2)
    with pytest.raises(FailedRunError, match="204"):
        checked(outcome)


async def test_an_arrival_rate_that_is_not_held_shows(driven: Driven) -> None:
    load = {"connections": 2, "rate_per_second": 400, "timeout_seconds": 0.2}
    _, outcome = await driven(Behaviour(delay_seconds=0.05), **load)
    assert outcome.unsent > 100
    assert 190 <= outcome.corrected.total <= 200
    assert outcome.corrected.percentile(99) > 300 * MS


async def test_the_closed_loop_keeps_every_connection_busy(driven: Driven) -> None:
    server, outcome = await driven(Behaviour(delay_seconds=0.01), connections=8)
    assert server.connections == 8
    assert 100 < outcome.requests <= 8 * 0.5 / 0.01 + 8
    assert outcome.corrected.minimum >= 10 * MS


async def test_requests_differ_and_headers_are_the_connections_own(driven: Driven) -> None:
    server, _ = await driven(Behaviour(), connections=2)
    lines, headers = zip(*(request.split(b"\r\n", 1) for request in server.requests), strict=True)
    assert len(set(lines)) == min(len(lines), 4_096)
    assert len(set(headers)) == 2
    assert {len(request) // 100 for request in server.requests} <= {7, 8}


async def test_each_request_has_a_connection_when_told_so(driven: Driven) -> None:
    server, outcome = await driven(Behaviour(), keep_alive=False, connections=8)
    assert server.connections == len(server.requests)
    assert 0 < outcome.requests <= server.connections
    assert checked(outcome)


async def test_an_answer_in_pieces_is_one_answer(driven: Driven) -> None:
    server, outcome = await driven(Behaviour(pieces=len(ANSWER)), connections=2)
    assert 0 < outcome.requests <= len(server.requests)
    assert checked(outcome)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(answer=ANSWER.replace(b"200 OK", b"503 No")),
        Behaviour(answer=ANSWER.replace(b": 43", b": 44") + b"!"),
        Behaviour(answer=ANSWER.replace(b"GIF89a", b"PNG89a")),
        Behaviour(answer=ANSWER + b"!"),
        Behaviour(answer=ANSWER + ANSWER),
        Behaviour(hang_up=True),
    ],
    ids=["status", "length", "body", "bytes after it", "two for one", "none"],
)
@pytest.mark.parametrize("keep_alive", [True, False])
async def test_a_wrong_answer_fails_the_run(
    driven: Driven, behaviour: Behaviour, keep_alive: bool
) -> None:
    _, outcome = await driven(behaviour, connections=2, keep_alive=keep_alive)
    assert 0 < outcome.errors.total() <= ERRORS_MAX + 2 * EVENTS_MAX
    with pytest.raises(FailedRunError, match="errors"):
        checked(outcome)


async def test_silence_is_a_timeout(driven: Driven) -> None:
    _, outcome = await driven(Behaviour(silent=True), connections=3, timeout_seconds=0.1)
    assert outcome.errors == {"timeout": 3}


def test_what_two_generators_saw_merges_and_survives_json() -> None:
    one = Outcome(requests=3, seconds=1.0, client_cpu_seconds=0.5, errors=Counter(timeout=1))
    other = Outcome(requests=4, seconds=1.1, client_cpu_seconds=0.25, unsent=2)
    one.corrected.record(5)
    one.slices = [Histogram()]
    other.corrected.record(7)
    other.slices = [Histogram(), Histogram()]
    other.slices[1].record(7)
    one.merge(other)
    assert (one.requests, one.seconds, one.client_cpu_seconds, one.unsent) == (7, 1.1, 0.75, 2)
    assert one.corrected.total == 2
    assert [slice_.total for slice_ in one.slices] == [0, 1]
    decoded = Outcome.decode(json.loads(json.dumps(one.encode())))
    assert decoded.encode() == one.encode()
    assert decoded.errors == {"timeout": 1}
