"""The pages on which a person opts out and in: what they set, and what does not count as asking."""

import re
from collections.abc import Iterator

import pytest

from tests.support.raw_http import Answer, RawConnection
from tests.support.visitors import cookie
from tests.support.worker_thread import WorkerThread

OUT = "hg_optout=1; Max-Age=34560000; Path=/; HttpOnly; SameSite=None; Secure"
FORGET = "hg=; Max-Age=0; Path=/; HttpOnly; SameSite=None; Secure"
IN = "hg_optout=; Max-Age=0; Path=/; HttpOnly; SameSite=None; Secure"
OPTED_OUT = "Cookie: hg_optout=1"
CLICKED = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: document", "Sec-Fetch-User: ?1")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    folder = tmp_path_factory.mktemp("optout")
    sites = folder / "sites.toml"
    sites.write_text('[[site]]\nkey = "shop"\ncookie_domain = "shop.example"\n')
    with WorkerThread(folder / "journal", sites_file=sites) as running:
        yield running
        running.check()


def ask(worker: WorkerThread, path: str, *headers: str, method: str = "GET") -> Answer:
    lines = (f"{method} {path} HTTP/1.1", "Host: t.example", *headers)
    length = ("Content-Length: 0",) if method == "POST" else ()
    with RawConnection(worker.port) as connection:
        connection.send("\r\n".join((*lines, *length, "", "")).encode())
        return connection.answer(head=method == "HEAD")


def cookies(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers if name == "set-cookie"]


@pytest.mark.parametrize(
    ("path", "headers", "method", "wanted"),
    [
        ("/optout", (), "GET", [OUT, FORGET]),
        ("/optout", CLICKED, "GET", [OUT, FORGET]),
        ("/optout", (), "POST", [OUT, FORGET]),
        ("/optin", (OPTED_OUT,), "GET", [IN]),
        ("/optin", (OPTED_OUT, *CLICKED), "GET", [IN]),
        ("/optin", (OPTED_OUT, "Sec-Fetch-Site: same-origin"), "POST", [IN]),
        # Nobody asked.
        ("/optout", (), "HEAD", []),
        ("/optout", ("Sec-Purpose: prefetch",), "GET", []),
        ("/optout", ("Sec-Purpose: prefetch;prerender",), "GET", []),
        ("/optout", ("Purpose: prefetch",), "GET", []),
        ("/optout", ("X-Moz: prefetch",), "GET", []),
        ("/optout", ("Sec-Fetch-Dest: image",), "GET", []),
        ("/optout", ("Sec-Fetch-Dest: iframe",), "GET", []),
        ("/optin", (OPTED_OUT, "Sec-Fetch-Dest: image"), "GET", []),
        # Another's page sends the person there, or posts a form for them.
        ("/optin", (OPTED_OUT, *CLICKED[:2]), "GET", []),
        ("/optin", (OPTED_OUT, "Sec-Fetch-Site: cross-site"), "POST", []),
        ("/optout?site=shop", (), "GET",
         [value.replace("HttpOnly", "HttpOnly; Domain=shop.example") for value in (OUT, FORGET)]),
        ("/optout?site=other%22%3E", (), "GET", [OUT, FORGET]),
    ],
)  # fmt: skip
def test_what_is_set(
    worker: WorkerThread, path: str, headers: tuple[str, ...], method: str, wanted: list[str]
) -> None:
    answer = ask(worker, path, *headers, method=method)
    assert answer.status == 200
    assert cookies(answer) == wanted
    assert answer.header("cache-control") == "no-store"


def test_the_page_says_what_holds(worker: WorkerThread) -> None:
    out = ask(worker, "/optout?site=shop").body.decode()
    assert "You are not tracked" in out
    assert 'action="/optin?site=shop"' in out
    back = ask(worker, "/optin", OPTED_OUT).body.decode()
    assert "You may be tracked" in back
    assert 'action="/optout"' in back
    ahead = ask(worker, "/optout", OPTED_OUT, "Sec-Purpose: prefetch").body.decode()
    assert "You are not tracked" in ahead
    assert "Global Privacy Control" in ask(worker, "/optin", "Sec-GPC: 1").body.decode()
    assert 'action="/optin"' in ask(worker, "/optout?site=%22%3E").body.decode()


def test_the_page_has_no_script_and_allows_none(worker: WorkerThread) -> None:
    answer = ask(worker, "/optout")
    policy, page = answer.header("content-security-policy"), answer.body.decode()
    (nonce,) = re.findall(r"style-src 'nonce-([\w-]+)'", policy)
    assert f'<style nonce="{nonce}">' in page
    assert "default-src 'none'" in policy
    assert "<script" not in page
    assert "$" not in page


def test_a_person_who_opted_out_is_not_known_any_more(worker: WorkerThread) -> None:
    _, hit = worker.get("/p.gif?e=x", f"Cookie: {cookie().decode()}; hg_optout=1\r\n")
    assert (hit["consent"], hit["consent_source"]) == ("denied", "optout")
    assert "visitor_id" not in hit
