"""Each request of the corpus, down the lane and down the application, whole and in pieces.

Both must give the same answers and leave the same hits, apart from times, ids and minted visitors.
Nothing may be logged, and no connection may hang: every wait has a deadline.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests.collector.corpus.cases import CASES, GIF, HEAD_END, Case, pixel
from tests.support.raw_http import Answer, RawConnection
from tests.support.visitors import VISITOR
from tests.support.worker_thread import WorkerThread

LAST = pixel(b"/p.gif?e=last", b"Connection: close")
TO_APP = b"GET /robots.txt HTTP/1.1\r\nHost: t.example\r\n\r\n"
SPLITS = 24
BYTEWISE_BYTES_MAX = 2000
COOKIE = re.compile(r"hg=[0-9a-f-]{36}[^;]*")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path_factory.mktemp("corpus")) as running:
        yield running


@dataclass
class Outcome:
    """What a case came to, without what differs from one run to the next."""

    answers: list[tuple[Any, ...]]
    hits: list[dict[str, Any]]


def run(worker: WorkerThread, case: Case, pieces: list[bytes], *, by_app: bool) -> Outcome:
    """Send a case in pieces; then, if the connection is still open, a last pixel."""
    before = len(worker.journal_bytes())
    with RawConnection(worker.port) as connection:
        if by_app:
            connection.send(TO_APP)
            assert connection.answer().status == 200
        connection.send(*pieces)
        answers = [
            connection.answer(head=method == "HEAD")
            for method, _ in zip([*case.methods, *["GET"] * 100], case.expect, strict=False)
        ]
        closed = answers[-1].closes if case.closes is None else case.closes
        if not closed:
            connection.send(LAST)
            assert label(connection.answer()) == GIF, "the connection was not usable any more"
        assert connection.rest() == b""
    lines = worker.journal_bytes()[before:].splitlines()
    hits = [orjson.loads(line) for line in lines]
    if not closed:
        assert hits.pop()["event"] == "last"
    worker.check()
    return Outcome([comparable(answer) for answer in answers], [masked(hit) for hit in hits])


def label(answer: Answer) -> str | int:
    """Return what `Case.expect` calls the answer."""
    is_gif = answer.status == 200 and answer.header("content-type") == "image/gif"
    return GIF if is_gif else answer.status


def comparable(answer: Answer) -> tuple[Any, ...]:
    if answer.status in (413, 414, 431):
        # Whoever notices first refuses: aiohttp's parser or our own count of bytes. Whether a large
        # body had arrived by then decides if the connection ends.
        return (answer.status,)
    headers = sorted(
        (name, COOKIE.sub("hg=minted", value)) for name, value in answer.headers if name != "date"
    )
    return label(answer), headers, answer.body


def masked(hit: dict[str, Any]) -> dict[str, Any]:
    """Return a hit without its id and time, and without a visitor who was minted with it."""
    own = {"id": "", "received_at": ""}
    if hit.get("visitor_id", VISITOR) != VISITOR:
        own |= {"visitor_id": "new", "session_id": "new"}
    return hit | own


def splits(request: bytes) -> Iterator[list[bytes]]:
    """Yield the request in two pieces, cut at many places: around line ends, and evenly."""
    ends = {found.start() + by for found in re.finditer(rb"\r\n", request) for by in (0, 1, 2)}
    ends = set(sorted(ends)[:6] + sorted(ends)[-6:])
    step = max(1, len(request) // (SPLITS // 2))
    for cut in sorted(ends | set(range(1, len(request), step))):
        if 0 < cut < len(request):
            yield [request[:cut], request[cut:]]


def expected(case: Case, outcome: Outcome) -> None:
    """Check an outcome against the case's row."""
    for entry, answer in zip(case.expect, outcome.answers, strict=True):
        assert answer[0] in (entry, *case.any_of), f"RFC section {case.section}"
    assert len(outcome.hits) == case.hits


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_lane_and_application_agree(worker: WorkerThread, case: Case) -> None:
    by_lane = run(worker, case, [case.request], by_app=False)
    expected(case, by_lane)
    by_app = run(worker, case, [case.request], by_app=True)
    assert by_app == by_lane


@pytest.mark.parametrize("by_app", [False, True], ids=["lane", "app"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pieces_change_nothing(worker: WorkerThread, case: Case, by_app: bool) -> None:
    if len(case.request) <= BYTEWISE_BYTES_MAX:
        single_bytes = [bytes((byte,)) for byte in case.request]
        expected(case, run(worker, case, single_bytes, by_app=by_app))
    for pieces in splits(case.request):
        expected(case, run(worker, case, pieces, by_app=by_app))


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.expect == (GIF,) and not c.closes and c.name != "upgrade-h2c"],
    ids=lambda case: case.name,
)
def test_the_same_headers_again_are_the_same_hit(worker: WorkerThread, case: Case) -> None:
    """The second request of a connection takes the short way through the lane.

    Not tried: two upgrades in one packet, of which aiohttp leaves the second unanswered until the
    connection is idle for too long.
    """
    twice = Case(case.name, case.section, case.request * 2, (GIF, GIF), False, case.methods * 2)
    for pieces in ([case.request, case.request], [case.request * 2]):
        outcome = run(worker, twice, pieces, by_app=False)
        expected(twice, outcome)
        assert outcome.hits[0] == outcome.hits[1]
        assert outcome.answers[0] == outcome.answers[1]


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert all(HEAD_END in case.request or case.closes for case in CASES)
