"""`GET /`: the live page for browsers with its policy, `Ok.` for everybody else."""

import re

import pytest
from aiohttp.test_utils import make_mocked_request

from deploy.embedded_store.root_page import answer_root
from deploy.embedded_store.settings import StoreSettings
from deploy.live_page import policy
from tests.support.node import ROOT, installed
from tests.support.store import StoreProcess

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
UPLOT = {
    "LICENSE": "LICENSE",
    "uPlot.iife.min.js": "dist/uPlot.iife.min.js",
    "uPlot.min.css": "dist/uPlot.min.css",
}


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_takes_no_html_gets_ok(store: StoreProcess, accept: str | None, method: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    reply = store.query(method=method, headers=headers)
    assert reply.status == 200
    assert reply.body == (b"" if method == "HEAD" else b"Ok.\n")


def test_browser_gets_the_page_under_a_policy_of_its_own(store: StoreProcess) -> None:
    one, other = (store.query(method="GET", headers=BROWSER) for _ in range(2))
    assert "<title>Heliograph · live</title>" in one.text
    nonces = [
        re.findall("'nonce-([^']+)'", reply.headers["Content-Security-Policy"])
        for reply in (one, other)
    ]
    assert nonces[0] != nonces[1]
    (nonce,) = set(nonces[0])
    tags = re.findall(r"<(?:style|script)\b[^>]*>", one.text)
    assert [tag for tag in tags if nonce not in tag] == [
        '<script type="application/json" id="settings">'
    ]
    assert one.headers["Vary"] == "Accept"


def test_query_of_a_browser_is_answered(store: StoreProcess) -> None:
    reply = store.query("SELECT 1", method="GET", headers=BROWSER)
    assert reply.text == "1"


def test_page_is_of_the_root_alone(store: StoreProcess) -> None:
    assert store.query(method="GET", path="/query", headers=BROWSER).text == "Ok."


@pytest.mark.parametrize(
    ("url", "sources"),
    [
        ("", "'self' "),
        ("https://clickhouse.example:8443/path", "'self' https://clickhouse.example:8443"),
        ("javascript:alert(1)", "'self' "),
        ("https://a.example;script-src *", "'self' "),
    ],
)
def test_policy_names_the_server_and_nothing_else(url: str, sources: str) -> None:
    assert f"connect-src {sources}; base-uri" in policy("n", url)
    assert policy("n", url).count("script-src") == 1


async def test_page_can_be_turned_off() -> None:
    request = make_mocked_request("GET", "/", headers=BROWSER)
    assert answer_root(request, StoreSettings()).text != "Ok.\n"
    assert answer_root(request, StoreSettings(live_page=False)).text == "Ok.\n"


@pytest.mark.node
@pytest.mark.parametrize("name", UPLOT)
def test_vendored_files_are_those_of_the_package(name: str) -> None:
    """The lockfile pins the package by its hash; npm compares it."""
    package = installed() / "node_modules/uplot"
    vendored = ROOT / "deploy/live_page/uplot" / name
    assert vendored.read_bytes() == (package / UPLOT[name]).read_bytes()
