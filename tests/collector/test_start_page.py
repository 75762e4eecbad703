"""The start page is one document that runs its own script and no other, whatever is set."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from collector.routes.start import store_origin
from collector.snippets import script_json
from tests.support.raw_http import get
from tests.support.worker_thread import WorkerThread

HOSTILE = "/</script><script>alert(1)</script>&'\"$nonce${css}"


class Scripts(HTMLParser):
    """The texts of a page's script elements, as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.texts.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


def test_page_is_whole_and_its_policy_names_its_nonce(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, start_store_url="http://127.0.0.1:8123/?database=d") as worker:
        first, second = (get(worker.port, "/start") for _ in range(2))
        assert worker.lines() == []
    assert first.status == 200
    assert first.header("content-type") == "text/html; charset=utf-8"
    policy = first.header("content-security-policy")
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce
    assert "connect-src 'self' http://127.0.0.1:8123;" in policy
    assert first.body.decode().count(f'nonce="{nonce[1]}"') == 2
    assert policy != second.header("content-security-policy")
    assert "default-src 'none'" in policy
    # Nothing is fetched from elsewhere: no element names an address.
    assert not re.search(rb"<(link|script|img|iframe)[^>]+(src|href)=.http", first.body)


def test_settings_stay_data_whatever_is_in_them(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, pixel_path=HOSTILE, start_store_url="x; script-src *") as worker:
        answer = get(worker.port, "/start")
    scripts = Scripts()
    scripts.feed(answer.body.decode())
    data, program = scripts.texts
    assert json.loads(data)["pixelPath"] == HOSTILE
    assert "alert" not in program
    assert "script-src *" not in answer.header("content-security-policy")


def test_no_page_where_the_settings_say_so(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, start_page=False) as worker:
        assert get(worker.port, "/start").status == 404


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("https://store.example/?user=reader", "https://store.example"),
        ("http://[::1]:8123/", "http://[::1]:8123"),
        ("http://a.example; script-src *", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_policy_names_only_origins(url: str, origin: str) -> None:
    assert store_origin(url) == origin


def test_json_ends_no_script_element() -> None:
    text = "</script><!--&\u2028\u2029"
    assert json.loads(script_json(text)) == text
    assert not set("<>&\u2028\u2029") & set(script_json(text))
