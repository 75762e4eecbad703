"""`POST /v1/consent`: the record and its receipt, who is named in it, what is refused."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson
import pytest

from tests.support.raw_http import Answer, RawConnection
from tests.support.visitors import VISITOR, cookie
from tests.support.worker_thread import WorkerThread

TEXT = "We measure what you look at, to make the shop better."
CHOICE = {"consent": "granted", "site": "shop", "version": "2026-11", "text": TEXT}
KNOWN = f"Cookie: {cookie().decode()}"
ORIGIN = "Origin: https://shop.example"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path_factory.mktemp("consent"), consent_default="denied") as running:
        yield running
        running.check()


def send(worker: WorkerThread, body: object, *headers: str) -> Answer:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    head = ("POST /v1/consent HTTP/1.1", "Host: t", f"Content-Length: {len(content)}", *headers)
    with RawConnection(worker.port) as connection:
        connection.send("\r\n".join((*head, "", "")).encode() + content)
        return connection.answer()


def recorded(worker: WorkerThread, body: object, *headers: str) -> tuple[dict[str, Any], Answer]:
    """Return the record and the answer."""
    before = len(worker.lines())
    answer = send(worker, body, *headers)
    assert answer.status == 200, answer.body
    (hit,) = worker.lines()[before:]
    receipt = {name: hit[name] for name in ("id", "received_at", "consent", "consent_source")}
    assert orjson.loads(answer.body) == receipt
    assert answer.header("cache-control") == "no-store"
    return hit, answer


def test_consent_is_recorded_with_its_proof(worker: WorkerThread) -> None:
    hit, answer = recorded(worker, CHOICE | {"uid": "me"}, ORIGIN)
    assert (hit["event"], hit["site"], hit["user_id"]) == ("Consent", "shop", "me")
    assert (hit["consent"], hit["consent_source"]) == ("granted", "parameter")
    assert hit["properties"] == {
        "version": "2026-11",
        "text": TEXT,
        "text_sha256": sha256(TEXT.encode()).hexdigest(),
        "said": "granted",
    }
    # The visitor is known from now on.
    assert answer.header("set-cookie").startswith(f"hg={hit['visitor_id']}.")
    assert answer.header("access-control-allow-origin") == "https://shop.example"
    assert answer.header("access-control-allow-credentials") == "true"


def test_a_refusal_names_nobody_and_deletes_the_cookie(worker: WorkerThread) -> None:
    hit, answer = recorded(worker, CHOICE | {"consent": "denied", "uid": "me"}, KNOWN)
    assert not {"visitor_id", "session_id", "user_id"} & set(hit)
    assert answer.header("set-cookie").startswith("hg=; Max-Age=0;")
    _, answer = recorded(worker, CHOICE | {"consent": "denied"})
    assert answer.header("set-cookie") == ""


def test_a_known_visitor_stays_the_same(worker: WorkerThread) -> None:
    hit, answer = recorded(worker, CHOICE, KNOWN)
    assert hit["visitor_id"] == VISITOR
    assert answer.header("set-cookie") == ""


def test_a_header_wins_over_the_page(worker: WorkerThread) -> None:
    hit, _ = recorded(worker, CHOICE, "Sec-GPC: 1")
    assert (hit["consent"], hit["consent_source"]) == ("denied", "gpc")
    assert hit["properties"]["said"] == "granted"


def test_a_long_text_is_kept_as_its_hash(worker: WorkerThread) -> None:
    text = "ä" * 5000
    hit, _ = recorded(worker, CHOICE | {"text": text})
    assert hit["properties"]["text_sha256"] == sha256(text.encode()).hexdigest()
    assert len(hit["properties"]["text"].encode()) == 1024
    assert hit["problems"] == ["properties: cut at 1024 bytes"]


def test_a_consent_string_is_enough(worker: WorkerThread) -> None:
    hit, _ = recorded(worker, {"us_privacy": "1YNN"})
    assert (hit["consent"], hit["consent_source"]) == ("granted", "us_privacy")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        ([], "not an object"),
        ({"version": "1"}, "nothing of what was chosen"),
        ({"consent": ""}, "nothing of what was chosen"),
        ({"consent": "granted", "text": 5}, "text: not a text"),
        ({"consent": "granted", "version": ["1"]}, "version: not a text"),
    ],
)
def test_what_is_no_choice_is_refused(worker: WorkerThread, body: object, reason: str) -> None:
    before = len(worker.lines())
    answer = send(worker, body)
    assert answer.status == 400
    assert reason in answer.body.decode()
    assert len(worker.lines()) == before


def test_a_page_may_ask_first(worker: WorkerThread) -> None:
    with RawConnection(worker.port) as connection:
        connection.send(f"OPTIONS /v1/consent HTTP/1.1\r\nHost: t\r\n{ORIGIN}\r\n\r\n".encode())
        answer = connection.answer()
    assert answer.status == 204
    assert "SP-Anonymous" in answer.header("access-control-allow-headers")
