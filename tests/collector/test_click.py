"""`GET /r` over real sockets: people go on, clicks are kept, and nobody is sent anywhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from collector.guarded_journal import GuardedJournal
from collector.links import signed_query
from collector.secrets import load_secrets
from schemas.journal.writer import JournalRefused
from tests.collector.test_links import HOSTILE
from tests.support.raw_http import Answer, RawConnection, get
from tests.support.worker_thread import WorkerThread

SHOP = "https://shop.example/a?b=c"
CHROME = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0.0.0\r\n"


def sign(worker: WorkerThread, to: str, **options: Any) -> str:
    """Return a signed link's target, as `heliograph link` makes it."""
    assert worker.settings.secret_file is not None
    secrets = load_secrets(worker.settings.secret_file, bytes)
    return "/r?" + signed_query(to, secrets.signer("link"), **options)


def ask(worker: WorkerThread, method: str, target: str) -> Answer:
    with RawConnection(worker.port) as connection:
        connection.send(f"{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        return connection.answer(head=method == "HEAD")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path, link_domains=("free.example", "*.free.example")) as running:
        yield running


def test_signed_link_leads_on_and_leaves_a_hit(worker: WorkerThread) -> None:
    target = sign(worker, SHOP, site="shop", described={"cid": "spring", "rid": "r-1"})
    answer, hit = worker.get(
        f"{target}&utm_source=news", f"{CHROME}Referer: https://mail.example/inbox\r\n"
    )
    assert answer.status == 302
    assert answer.header("location") == f"{SHOP}&utm_source=news"
    assert answer.header("cache-control") == "no-store"
    assert (hit["event"], hit["endpoint"], hit["method"]) == ("Click", "click", "GET")
    assert hit["link_url"] == f"{SHOP}&utm_source=news"
    assert hit["url"] == "https://mail.example/inbox"
    assert (hit["site"], hit["campaign_id"], hit["recipient_id"]) == ("shop", "spring", "r-1")
    assert hit["opened_by"] == "human"
    assert worker.metric("hits_total")["click"] == 1


def test_page_before_and_event_are_not_the_links_to_choose(worker: WorkerThread) -> None:
    _, hit = worker.get(sign(worker, SHOP) + "&e=Purchase&v=5&p.slot=top")
    assert (hit["event"], hit["value"], hit["properties"]) == ("Click", 5, {"slot": "top"})
    assert "url" not in hit


def test_head_request_is_answered_and_marked(worker: WorkerThread) -> None:
    answer = ask(worker, "HEAD", sign(worker, SHOP))
    (hit,) = worker.lines()
    assert (answer.status, answer.header("location"), answer.body) == (302, SHOP, b"")
    assert (hit["method"], hit["bot"]) == ("HEAD", "link-checker")


@pytest.mark.parametrize("host", ["free.example", "a.free.example", "a.b.free.example"])
def test_allowed_domain_needs_no_signature(worker: WorkerThread, host: str) -> None:
    answer, hit = worker.get(f"/r?u={quote(f'https://{host}/x', safe='')}")
    assert (answer.status, answer.header("location")) == (302, f"https://{host}/x")
    assert hit["link_url"] == f"https://{host}/x"


def test_site_may_allow_domains_of_its_own(tmp_path: Path) -> None:
    sites = tmp_path / "sites.toml"
    sites.write_text('[[site]]\nkey = "shop"\nlink_domains = ["partner.example"]\n')
    with WorkerThread(tmp_path / "data", sites_file=sites) as worker:
        assert get(worker.port, "/r?u=https://partner.example/&site=shop").status == 302
        assert get(worker.port, "/r?u=https://partner.example/&site=other").status == 400
        assert get(worker.port, "/r?u=https://partner.example/").status == 400


def test_link_from_a_page_that_no_site_lists_is_kept(tmp_path: Path) -> None:
    sites = tmp_path / "sites.toml"
    sites.write_text('[[site]]\nkey = "shop"\norigins = ["https://shop.example"]\n')
    with WorkerThread(tmp_path / "data", sites_file=sites, unknown_sites="refuse") as worker:
        target = sign(worker, SHOP, site="shop")
        answer, hit = worker.get(target, "Referer: https://elsewhere.example/\r\n")
        assert (answer.status, hit["url"]) == (302, "https://elsewhere.example/")
        # A site that is not ours has no clicks here, but people go on all the same.
        assert get(worker.port, sign(worker, SHOP, site="other")).status == 302
        assert len(worker.lines()) == 1


@pytest.mark.parametrize("host", ["evil.example", "xfree.example", "free.example.evil.example"])
def test_other_domain_without_a_signature_leads_nowhere(worker: WorkerThread, host: str) -> None:
    before = worker.metric("links_refused_total")["signature"]
    answer = get(worker.port, f"/r?u=https://{host}/&s=AAAAAAAAAAAAAAAAAAAAAA")
    assert answer.status == 400
    assert answer.header("location") == ""
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert "This link is not whole" in answer.body.decode()
    assert host not in answer.body.decode()
    assert worker.metric("links_refused_total")["signature"] == before + 1
    assert worker.lines() == []


def test_no_hostile_destination_leads_anywhere(worker: WorkerThread) -> None:
    for text in HOSTILE:
        value = text.encode(errors="surrogatepass")
        forms = (quote(value, safe=""), quote(value, safe="/:\\@").replace("\\", "%5C"))
        for form in forms:
            if any(ord(c) <= 0x20 for c in form):
                continue  # no target of a request
            answer = get(worker.port, f"/r?u={form}&s=x")
            assert answer.status == 400, text
            assert answer.header("location") == ""
    assert worker.lines() == []


def test_bytes_that_are_no_text_lead_nowhere(worker: WorkerThread) -> None:
    for form in ("%ff", "https://free.example/%ff", "https://free.example%ff/", "%c0%af"):
        assert get(worker.port, f"/r?u={form}").status == 400


def test_line_end_in_a_link_is_no_header(worker: WorkerThread) -> None:
    answer = get(worker.port, "/r?u=https://free.example/&utm_source=a%0d%0aX-Evil:%20b")
    assert answer.status == 302
    assert answer.header("x-evil") == ""
    assert answer.header("location") == ("https://free.example/?utm_source=a%0D%0AX-Evil%3A%20b")


def test_link_past_its_end_says_so(worker: WorkerThread) -> None:
    answer = get(worker.port, sign(worker, SHOP, expiry_s=1_000_000_000))
    assert answer.status == 410
    assert "has ended" in answer.body.decode()
    assert worker.metric("links_refused_total")["expired"] == 1
    assert get(worker.port, sign(worker, SHOP, expiry_s=9_000_000_000)).status == 302


def test_visitor_is_told_only_by_signed_links_and_with_consent(worker: WorkerThread) -> None:
    to = "https://shop.example/?v={visitor}&w=1"
    answer, hit = worker.get(sign(worker, to))
    assert answer.header("location") == f"https://shop.example/?v={hit['visitor_id']}&w=1"
    assert hit["visitor_id"] in answer.header("set-cookie")
    assert hit["link_url"] == to
    cookie = answer.header("set-cookie").partition(";")[0]
    again, second = worker.get(sign(worker, to), f"Cookie: {cookie}\r\n")
    assert second["visitor_id"] == hit["visitor_id"]
    assert again.header("location") == answer.header("location")
    for target, headers in (
        (sign(worker, to) + "&consent=denied", f"Cookie: {cookie}\r\n"),
        (sign(worker, to), f"Cookie: {cookie}\r\nSec-GPC: 1\r\n"),
        (f"/r?u={quote(to.replace('shop', 'free'), safe='')}", f"Cookie: {cookie}\r\n"),
    ):
        blind, _ = worker.get(target, headers)
        assert "?v=&w=1" in blind.header("location")


def test_people_go_on_when_the_journal_is_full(
    worker: WorkerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(journal: GuardedJournal, lines: list[bytes]) -> bool:
        raise JournalRefused("the disk is full")

    monkeypatch.setattr(GuardedJournal, "append", refuse)
    answer = get(worker.port, sign(worker, SHOP))
    assert (answer.status, answer.header("location")) == (302, SHOP)
    assert worker.metric("hits_lost_total") == 1
    worker.check("hits are lost")


def test_another_method_is_refused(worker: WorkerThread) -> None:
    assert ask(worker, "POST", sign(worker, SHOP)).status == 405


def test_operator_may_choose_the_path(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, click_path="/go", link_domains="free.example") as worker:
        assert get(worker.port, "/go?u=https://free.example").status == 302
        assert get(worker.port, "/r?u=https://free.example").status == 404
