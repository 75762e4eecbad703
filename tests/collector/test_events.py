"""The API on a real worker: what is kept of an event, what is rejected, and each refusal."""

import gzip
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.api import Caller, write_key
from tests.support.raw_http import Answer
from tests.support.waiting import wait_until
from tests.support.worker_thread import WorkerThread

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkerThread, Caller]]:
    folder = tmp_path_factory.mktemp("events")
    file, token = write_key(folder)
    with WorkerThread(folder, keys_file=file, api_events_per_second=0) as thread:
        yield thread, Caller(thread.port, token)


@pytest.fixture
def caller(worker: tuple[WorkerThread, Caller]) -> Caller:
    return worker[1]


def kept(worker: tuple[WorkerThread, Caller], event: dict[str, Any]) -> dict[str, Any]:
    """Send one event; return its hit."""
    thread, caller = worker
    marked = {"eid": str(uuid4()), **event}
    assert caller.sent([marked]) == {"accepted": 1, "rejected": []}
    (line,) = (line for line in thread.lines() if line.get("event_id") == marked["eid"])
    return line


def problem(answer: Answer, status: int) -> str:
    """Return an answer's detail; fail unless it is a problem of that status."""
    assert answer.status == status, answer.body
    assert answer.header("content-type") == "application/problem+json"
    content = orjson.loads(answer.body)
    assert (content["type"], content["status"]) == ("about:blank", status)
    detail: str = content["detail"]
    return detail


def test_an_event_is_a_hit_of_the_visitor(worker: tuple[WorkerThread, Caller]) -> None:
    visitor_id = str(uuid4())
    hit = kept(
        worker,
        {
            "e": "Purchase", "v": 49.99, "c": "eur", "u": "https://shop.example/thanks",
            "uid": "u1", "p": {"plan": "pro"}, "ts": int(time.time() * 1000), "consent": "granted",
            "ip": "203.0.113.77", "user_agent": AGENT, "language": "de-AT,de;q=0.8",
            "visitor_id": visitor_id, "em": " John_Smith@gmail.com", "ph": "+1 (650) 555-1212",
        },
    )  # fmt: skip
    assert (hit["endpoint"], hit["method"], hit["api_key"]) == ("api", "POST", "server")
    assert (hit["event"], hit["value"], hit["currency"]) == ("Purchase", 49.99, "EUR")
    assert (hit["site"], hit["user_id"], hit["properties"]) == ("shop", "u1", {"plan": "pro"})
    assert (hit["ip"], hit["user_agent"], hit["language"]) == ("203.0.113.77", AGENT, "de-AT")
    assert (hit["visitor_id"], hit["visitor_kind"]) == (visitor_id, "client")
    assert hit["email_hash"] == ("62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f")
    assert hit["phone_hash"] == sha256(b"+16505551212").hexdigest()
    assert "problems" not in hit


@pytest.mark.parametrize(
    "refusal",
    [
        {"consent": "denied"},
        {"gpc": 1},
        {"gpc": "1"},
        {"us_privacy": "1YYN"},
        {"gdpr": 1, "gdpr_consent": "not a string of TCF"},
    ],
)
def test_without_consent_nobody_is_named(
    worker: tuple[WorkerThread, Caller], refusal: dict[str, Any]
) -> None:
    person = {
        "uid": "u-77",
        "ip": "198.51.100.23",
        "visitor_id": str(uuid4()),
        "em": "jane@shop.example",
        "ph": "+16505551213",
    }
    hit = kept(worker, {**person, **refusal})
    assert hit["consent"] == "denied"
    assert hit["ip"] == "198.51.100.0"
    assert not {"user_id", "visitor_id", "visitor_kind", "email_hash", "phone_hash"} & set(hit)
    text = worker[0].journal_bytes().decode()
    assert not [value for value in person.values() if value in text]
    assert sha256(b"jane@shop.example").hexdigest() not in text


def test_the_callers_own_request_is_no_visitors(worker: tuple[WorkerThread, Caller]) -> None:
    hit = kept(worker, {"consent": "granted"})
    assert not {"ip", "user_agent", "language", "url", "visitor_id", "session_id"} & set(hit)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"ts": 1}, "ts: more than 168 hours ago"),
        ({"ts": "soon"}, "client_time: not milliseconds since 1970"),
        ({"ts": int(time.time() * 1000) + 3_600_000}, "ts: more than 5 minutes ahead"),
        ({"site": "other"}, "site: the key is of another"),
        ({"v": "much"}, "value: not a number"),
        ({"c": "euro"}, "currency: not a code of three letters"),
        ({"ip": "1.2.3"}, "ip: not an IPv4 or IPv6 address"),
        ({"ip": ["1.2.3.4"]}, "ip: not a text"),
        ({"visitor_id": "me"}, "visitor_id: not a UUID"),
        ({"em": "secret-name"}, "em: no email address"),
        ({"ph": "6505551212"}, "ph: no phone number with a country code"),
        ({"em": True}, "em: not a text"),
        ({"uid": {}}, "uid: not a text or a number"),
    ],
)
def test_an_event_that_cannot_be_taken_is_rejected_alone(
    caller: Caller, event: dict[str, Any], reason: str
) -> None:
    said = caller.sent([{}, event, {"consent": "granted", "em": None}])
    assert said["accepted"] == 2
    (rejected,) = said["rejected"]
    assert rejected["index"] == 1
    assert reason in rejected["reason"]
    assert "secret-name" not in rejected["reason"]


def test_one_event_needs_no_list(caller: Caller) -> None:
    assert caller.sent({"e": "Lead"}) == {"accepted": 1, "rejected": []}


def test_a_thousand_events_and_no_more(caller: Caller) -> None:
    assert caller.sent([{"e": "Lead"}] * 1000)["accepted"] == 1000
    assert "1001 events" in problem(caller.post([{}] * 1001), 422)


def test_the_same_event_again_has_the_same_answer(worker: tuple[WorkerThread, Caller]) -> None:
    event = {"eid": str(uuid4()), "v": 1}
    assert worker[1].sent([event]) == worker[1].sent([event])
    assert len([line for line in worker[0].lines() if line.get("event_id") == event["eid"]]) == 2


def test_a_body_may_be_gzipped(caller: Caller) -> None:
    body = gzip.compress(orjson.dumps([{"e": "Lead"}] * 500))
    answer = caller.post(body, Content_Encoding="gzip")
    assert orjson.loads(answer.body) == {"accepted": 500, "rejected": []}


def test_inflating_is_bounded(caller: Caller) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < 262144
    assert "at most 4194304 bytes" in problem(caller.post(bomb, Content_Encoding="gzip"), 413)
    assert "at most 4194304 bytes" in problem(caller.post(b" " * 5_000_000), 413)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 400, "not JSON"),
        (b"[", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[]", 422, "0 events"),
        (b"1", 422, "each of them an object"),
        (b"[{}, 1]", 422, "each of them an object"),
    ],
)
def test_bodies_that_are_no_events(caller: Caller, body: bytes, status: int, detail: str) -> None:
    assert detail in problem(caller.post(body), status)


def test_bodies_that_are_not_what_they_say(caller: Caller) -> None:
    assert "application/json" in problem(caller.post([{}], Content_Type="text/plain"), 415)
    assert "application/json" in problem(caller.post([{}], Content_Type=""), 415)
    assert "gzipped" in problem(caller.post([{}], Content_Encoding="deflate"), 415)
    assert "not gzip" in problem(caller.post(b"{}", Content_Encoding="gzip"), 400)
    whole = gzip.compress(b"{}")
    for broken in (whole[:-1], whole + b"x", whole + whole):
        assert "one whole" in problem(caller.post(broken, Content_Encoding="gzip"), 400)


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Bearer", "Bearer hg.server.x"])
def test_without_a_key_nobody_gets_in(caller: Caller, authorization: str) -> None:
    answer = caller.post([{}], Authorization=authorization)
    problem(answer, 401)
    assert answer.header("www-authenticate").startswith('Bearer realm="heliograph"')


def test_a_key_without_the_scope(tmp_path: Path) -> None:
    file, token = write_key(tmp_path, scopes=["audiences"])
    with WorkerThread(tmp_path, keys_file=file) as worker:
        answer = Caller(worker.port, token).post([{}])
        assert "no scope events" in problem(answer, 403)
        assert 'error="insufficient_scope"' in answer.header("www-authenticate")


def test_a_key_of_a_site_that_is_not_served(tmp_path: Path) -> None:
    file, token = write_key(tmp_path, site="old")
    sites = tmp_path / "sites.toml"
    sites.write_text('[[site]]\nkey = "shop"\n')
    with WorkerThread(tmp_path, keys_file=file, sites_file=sites, unknown_sites="refuse") as worker:
        assert "site old" in problem(Caller(worker.port, token).post([{}]), 403)
        assert worker.lines() == []


def test_a_key_has_a_rate(tmp_path: Path) -> None:
    file, token = write_key(tmp_path)
    with WorkerThread(tmp_path, keys_file=file, api_events_per_second=1) as worker:
        caller = Caller(worker.port, token)
        assert caller.sent([{}] * 1000)["accepted"] == 1000
        answer = caller.post([{}] * 1000)
        assert "may send 1 events a second" in problem(answer, 429)
        assert 900 <= int(answer.header("retry-after")) <= 1000
        assert len(worker.lines()) == 1000


def test_a_full_journal_is_said(tmp_path: Path) -> None:
    file, token = write_key(tmp_path)
    journal = {"quota_bytes_max": 16 * 1024**2, "segment_bytes_max": 1024**2}
    with WorkerThread(tmp_path, journal, keys_file=file, api_events_per_second=0) as worker:
        caller = Caller(worker.port, token)
        fill = [{"p": {f"n{n}": "x" * 1000 for n in range(20)}}] * 190

        for _ in range(10):
            answer = caller.post(fill)
            if answer.status != 200:
                break
        assert "again later" in problem(answer, 503)
        assert answer.header("retry-after") == "10"
        worker.check("hits are lost")


def test_keys_are_read_again(tmp_path: Path) -> None:
    file, token = write_key(tmp_path)
    with WorkerThread(tmp_path, keys_file=file) as worker:
        _, other = write_key(tmp_path, "other")
        worker.hang_up()
        caller = Caller(worker.port, other)
        wait_until(lambda: caller.post([{}]).status == 200, what="the other key")
        problem(Caller(worker.port, token).post([{}]), 401)
        file.write_text("[[key")
        worker.hang_up()
        wait_until(lambda: worker.status.note, what="a note of the broken file")
        assert "keys.toml" in worker.status.note
        assert worker.metric("files_stale") == 1
        assert caller.post([{}]).status == 200
        worker.check("keys.toml")
