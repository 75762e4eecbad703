"""Bytes that nobody chose, against a real worker: no 5xx, no log, whole lines, no hang."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.corpus.cases import CASES, pixel, post
from tests.support.built_hits import checked
from tests.support.raw_http import Answer, ConnectionEnded, RawConnection
from tests.support.worker_thread import WorkerThread

REQUESTS = [case.request for case in CASES if len(case.request) < 2000]
shared_worker = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path_factory.mktemp("wire"), connections_max=100_000) as running:
        yield running


def exchange(worker: WorkerThread, data: bytes) -> list[Answer]:
    """Send bytes and the end of sending; return the answers. Checks all lines and the log."""
    before = len(worker.journal_bytes())
    with RawConnection(worker.port) as connection:
        connection.send(data)
        connection.end_sending()
        try:
            answers = connection.answers()
        except (ConnectionEnded, ValueError, IndexError) as error:
            # A HEAD among random bytes shifts what the client can tell apart.
            assert b"HEAD" in data, error  # noqa: PT017
            answers = []
    for line in worker.journal_bytes()[before:].splitlines(keepends=True):
        checked(line)
    worker.check()
    assert all(answer.status < 500 or answer.status in (501, 505) for answer in answers)
    return answers


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A request of the corpus with some bytes changed, cut, doubled or put in."""
    data = draw(st.sampled_from(REQUESTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 8)))
        put = draw(st.sampled_from([b"", b"\r\n", b"\n", b"\r", b" ", b":", b"\0", data[at:to] * 2])
                   | st.binary(max_size=6))  # fmt: skip
        data = data[:at] + put + data[to:]
    return data


@shared_worker
@given(st.binary(max_size=400))
def test_random_bytes(worker: WorkerThread, data: bytes) -> None:
    exchange(worker, data)


@shared_worker
@given(mutated(), st.booleans())
def test_mutated_requests(worker: WorkerThread, data: bytes, by_app: bool) -> None:
    exchange(worker, post(b"{}") + data if by_app else data)


HEADER = st.binary(max_size=60).map(lambda b: b.translate(None, b"\r\n\0"))


@shared_worker
@given(cookie=HEADER, forwarded=HEADER, agent=HEADER, language=HEADER, referer=HEADER)
def test_any_header_values(
    worker: WorkerThread,
    cookie: bytes,
    forwarded: bytes,
    agent: bytes,
    language: bytes,
    referer: bytes,
) -> None:
    request = pixel(
        b"/p.gif?e=x",
        b"Cookie: hg=" + cookie,
        b"Forwarded: " + forwarded,
        b"X-Forwarded-For: " + forwarded,
        b"User-Agent: " + agent,
        b"Accept-Language: " + language,
        b"Referer: " + referer,
    )
    (answer,) = exchange(worker, request)
    assert answer.status in (200, 400)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@shared_worker
@given(st.lists(st.dictionaries(st.sampled_from(["e", "u", "v", "c", "ts", "p", "p.a"]), JSON)))
def test_any_json(worker: WorkerThread, events: list[dict[str, Any]]) -> None:
    # The standard library writes what browsers may: NaN, lone surrogates as escapes, huge integers.
    (answer,) = exchange(worker, post(json.dumps(events).encode()))
    assert answer.status in (204, 400)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"e":"\\ud800"}', 400),
        (b'{"e":"\xff"}', 400),
        (b'{"v":NaN}', 400),
        (b'{"v":1e999}', 400),
        (b'{"v":%s}' % (b"9" * 400), 400),
        (b'{"e":"a","e":"b"}', 204),
        (b"[" * 100_000, 400),
        (b'{"p":{"a":' + b"[" * 400 + b"]" * 400 + b"}}", 204),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, 400),
        (b"[]", 204),
        (b"[{}]", 204),
        (b"[1]", 400),
        (b"null", 400),
        (b"[" + b",".join([b"{}"] * 100) + b"]", 204),
        (b"[" + b",".join([b"{}"] * 101) + b"]", 400),
        (b"{" + b",".join(b'"%06d":[]' % n for n in range(20_000)) + b"}", 204),
        (b"\xef\xbb\xbf{}", 400),
    ],
)
def test_bodies_with_a_history(worker: WorkerThread, body: bytes, status: int) -> None:
    (answer,) = exchange(worker, post(body))
    assert answer.status == status


def test_a_form_of_many_faults_is_one_bounded_line(worker: WorkerThread) -> None:
    body = b"&".join([b"\x01%d=%%ff" % n for n in range(20_000)])
    kind = b"Content-Type: application/x-www-form-urlencoded"
    (answer,) = exchange(worker, post(body, kind))
    assert answer.status == 204
