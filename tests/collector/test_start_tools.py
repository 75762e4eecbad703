"""What the start page asks its collector for: anyone gets snippets, only who has the key a link."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.links import parse_link
from collector.routes.start_tools import start_key
from collector.secrets import Secrets, load_secrets
from tests.support.raw_http import Answer, RawConnection, get
from tests.support.worker_thread import WorkerThread

WANTED: dict[str, Any] = {
    "origin": "https://pixel.example",
    "to": "https://shop.example/",
    "site": "shop",
    "days": 30,
    "described": {"utm_source": "news", "cid": "spring", "rid": "r-1", "e": "Evil", "u": "x"},
}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path) as running:
        yield running


def secrets(worker: WorkerThread) -> Secrets:
    assert worker.settings.secret_file
    return load_secrets(worker.settings.secret_file, None)


def post(worker: WorkerThread, body: object, key: str = "") -> Answer:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    head = (
        f"POST /start/link HTTP/1.1\r\nHost: test\r\nContent-Length: {len(data)}\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    )
    with RawConnection(worker.port) as connection:
        connection.send(head.encode() + data)
        return connection.answer()


def test_who_has_the_key_gets_a_link_that_works(worker: WorkerThread) -> None:
    answer = post(worker, WANTED, start_key(secrets(worker)))
    assert answer.status == 200
    made = orjson.loads(answer.body)
    assert made["direct"] == "https://shop.example/?utm_source=news"
    assert made["qr"].startswith("data:image/svg+xml;base64,")
    origin, _, query = made["link"].partition("/r?")
    assert origin == "https://pixel.example"
    link = parse_link(query)
    assert link.is_signed(secrets(worker).signer("link"))
    assert link.expiry
    followed, hit = worker.get(f"/r?{query}")
    assert followed.header("location") == made["direct"]
    assert (hit["event"], hit["site"], hit["recipient_id"]) == ("Click", "shop", "r-1")
    assert "problems" not in hit


@pytest.mark.parametrize("key", ["", "AAAAAAAAAAAAAAAAAAAAAA", "x" * 5000])
def test_who_has_not_gets_the_direct_one(worker: WorkerThread, key: str) -> None:
    answer = post(worker, WANTED, key)
    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "direct": "https://shop.example/?utm_source=news",
        "link": None,
        "qr": None,
    }


def test_key_is_not_the_signature_of_anything_else(worker: WorkerThread) -> None:
    """Or a link's signature would be one to sign with."""
    keys = secrets(worker)
    for use in ("link", "recipient", "cookie"):
        key = keys.signer(use).signature(b"the start page")
        assert orjson.loads(post(worker, WANTED, key).body)["link"] is None


def test_link_without_an_end(worker: WorkerThread) -> None:
    made = orjson.loads(post(worker, WANTED | {"days": 0}, start_key(secrets(worker))).body)
    assert parse_link(made["link"].partition("?")[2]).expiry == ""


def test_link_that_is_too_long_for_a_code_has_none(worker: WorkerThread) -> None:
    body = WANTED | {"to": "https://shop.example/" + "x" * 3000}
    made = orjson.loads(post(worker, body, start_key(secrets(worker))).body)
    assert made["link"]
    assert made["qr"] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        ({"described": []}, "not an object"),
        ({"to": 5}, "to is not a text"),
        ({"to": "x" * 5000}, "to is not a text of that length"),
        ({"to": "https://a.example", "described": {"cid": []  , "rid": [1]}}, "rid is not a text"),
        ({"to": "https://a.example", "days": -1}, "days is not"),
        ({"to": "https://a.example", "days": "1"}, "days is not"),
        ({"to": "javascript:alert(1)"}, "destination is not a whole address"),
        ({}, "destination is not a whole address"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_said(worker: WorkerThread, body: object, said: str) -> None:
    answer = post(worker, body, start_key(secrets(worker)))
    assert answer.status == 400
    assert said in orjson.loads(answer.body)["error"]


def test_snippets_are_for_origin_and_site(worker: WorkerThread) -> None:
    made = orjson.loads(
        get(worker.port, "/start/snippets?origin=https://pixel.example&site=shop").body
    )
    texts = {one["kind"]: one["text"] for one in made}
    assert 'src="https://pixel.example/px.js"' in texts["tag"]
    assert "site=shop" in texts["image"]


def test_origin_that_is_none_is_left_out(worker: WorkerThread) -> None:
    for origin in ("javascript:alert(1)", "https://a@b", "https://a/b", "x", ""):
        answer = get(worker.port, f"/start/snippets?origin={origin}&site=shop")
        texts = {one["kind"]: one["text"] for one in orjson.loads(answer.body)}
        assert 'src="/px.js"' in texts["tag"]


def test_public_address_wins(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, public_url="https://m.shop.example") as worker:
        answer = get(worker.port, "/start/snippets?origin=https://other.example")
        assert b"https://m.shop.example/px.js" in answer.body
        assert b"other.example" not in answer.body


def test_nothing_is_there_without_a_page(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, start_page=False) as worker:
        assert get(worker.port, "/start/snippets").status == 404
        assert post(worker, WANTED, start_key(secrets(worker))).status == 404
