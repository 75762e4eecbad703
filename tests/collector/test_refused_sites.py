"""Hits of sites that are not served, on a real worker: what is written, answered and counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.facts import Facts
from collector.responses import GIF
from tests.support.built_hits import Bench, checked
from tests.support.raw_http import Answer, RawConnection
from tests.support.waiting import wait_until
from tests.support.worker_thread import WorkerThread

SITES = """
[[site]]
key = "shop"
origins = ["https://shop.example"]

[[site]]
key = "blog"
origins = ["https://blog.example"]
"""


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[WorkerThread]:
    with WorkerThread(tmp_path, sites_file=sites_file(tmp_path), unknown_sites="refuse") as worker:
        yield worker


def sites_file(folder: Path) -> Path:
    (folder / "sites.toml").write_text(SITES)
    return folder / "sites.toml"


def pixels(worker: WorkerThread, *requests: tuple[str, str]) -> None:
    """Ask for pixels (query, headers) on one connection; each is answered with the GIF."""
    with RawConnection(worker.port) as connection:
        for query, headers in requests:
            connection.send(f"GET /p.gif?{query} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode())
            answer = connection.answer()
            assert (answer.status, answer.body) == (200, GIF)


def beacon(worker: WorkerThread, body: Any, headers: str = "", method: str = "POST") -> Answer:
    content = orjson.dumps(body)
    head = f"{method} /p HTTP/1.1\r\nHost: t\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    with RawConnection(worker.port) as connection:
        connection.send(head.encode(), content)
        return connection.answer()


def test_a_pixel_is_answered_and_not_written(refusing: WorkerThread) -> None:
    shop, evil = "Referer: https://shop.example/a\r\n", "Referer: https://evil.example/\r\n"
    pixels(
        refusing,
        ("site=shop&e=kept", shop),
        ("site=shop&e=kept", shop),
        ("site=evil&e=refused", shop),
        ("e=refused", shop),
        ("site=shop&e=refused", evil),
        ("site=shop&e=refused", evil),
        ("site=shop&e=kept", ""),
        ("site=shop&e=kept&rid=r1&mid=m1", evil),
    )
    assert [line["event"] for line in refusing.lines()] == ["kept"] * 4
    wait_until(
        lambda: refusing.metric("hits_unlisted_total") == {"site": 2, "page": 2}, what="counts"
    )
    assert refusing.metric("hits_total")["pixel"] == 4


def test_many_of_one_turn_are_told_apart(refusing: WorkerThread) -> None:
    head = b" HTTP/1.1\r\nHost: t\r\nReferer: https://shop.example/\r\n\r\n"
    with RawConnection(refusing.port) as connection:
        for _ in range(20):
            connection.send(b"GET /p.gif?site=shop" + head + b"GET /p.gif?site=evil" + head)
            assert [connection.answer().status for _ in range(2)] == [200, 200]
    assert [line["site"] for line in refusing.lines()] == ["shop"] * 20


def test_a_beacon_keeps_the_rest_or_is_refused(refusing: WorkerThread) -> None:
    shop = "Origin: https://shop.example\r\nReferer: https://shop.example/\r\n"
    assert beacon(refusing, [{"site": "shop"}, {"site": "evil"}], shop).status == 204
    answer = beacon(refusing, {"site": "evil"}, shop)
    assert answer.status == 403
    assert answer.header("access-control-allow-origin") == "https://shop.example"
    assert [line["site"] for line in refusing.lines()] == ["shop"]


def test_pages_of_nobody_may_not_read_answers(refusing: WorkerThread) -> None:
    evil = "Origin: https://evil.example\r\n"
    for method in ("POST", "OPTIONS"):
        answer = beacon(refusing, {"site": "shop"}, evil, method)
        assert answer.header("access-control-allow-origin") == ""
        assert answer.header("vary") == "Origin"
    assert beacon(refusing, {"site": "shop"}, evil).status == 403
    assert beacon(refusing, {"site": "shop"}, "Origin: null\r\n").status == 204
    assert beacon(refusing, {"site": "shop"}).status == 204
    assert len(refusing.lines()) == 2


def test_by_default_they_are_kept_with_a_problem(tmp_path: Path) -> None:
    with WorkerThread(tmp_path, sites_file=sites_file(tmp_path)) as worker:
        pixels(worker, ("site=other", ""), ("site=shop", "Referer: https://evil.example/\r\n"))
        answer = beacon(worker, {"site": "shop"}, "Origin: https://evil.example\r\n")
        assert answer.status == 204
        assert answer.header("access-control-allow-origin") == "https://evil.example"
        assert [line.get("problems") for line in worker.lines()] == [
            ["site: not in the file of sites"],
            ["site: its pages are elsewhere"],
            None,
        ]


def known_facts(bench: Bench, page: bytes) -> Facts:
    """Return the facts of a visitor who has a cookie, and views this page."""
    _, set_cookie = bench.builder.from_query(bench.facts(), "site=shop", "GET")
    cookie = set_cookie.partition(";")[0].encode()
    return bench.facts([(b"cookie", cookie), (b"referer", page)])


@pytest.mark.parametrize("unknown_sites", ["accept", "refuse"])
def test_what_a_connection_is_known_for_holds_for_one_site_and_file(
    tmp_path: Path, unknown_sites: str
) -> None:
    bench = Bench(sites_file=sites_file(tmp_path), unknown_sites=unknown_sites)
    facts = known_facts(bench, b"https://shop.example/a")
    foreign = known_facts(bench, b"https://evil.example/")

    def hits(of: Facts, *sites: str) -> list[bytes]:
        return [
            line
            for site in sites
            for line, _ in bench.builder.from_plain_queries([of], [{"site": site}])
        ]

    for _ in range(2):
        shop, blog, other = hits(facts, "shop", "blog", "other")
        assert b"problems" not in shop
        assert b"shop" in shop
        for line in (blog, other, *hits(foreign, "shop")):
            assert (b"problems" in line) if unknown_sites == "accept" else (line == b"")
    first, second = hits(facts, "shop", "shop")
    assert first
    assert facts.plain_for == ("shop", bench.sites.version)
    assert len(second) == len(first)
    sites_file(tmp_path).write_text(SITES.replace('"shop"', '"new"'))
    bench.sites.reload()
    (late,) = hits(facts, "shop")
    assert (b"problems" in late) if unknown_sites == "accept" else (late == b"")


def test_each_site_has_its_own_default_of_consent(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(
        '[[site]]\nkey = "open"\n[[site]]\nkey = "strict"\nconsent_default = "denied"\n'
    )
    bench = Bench(sites_file=file)
    facts = known_facts(bench, b"https://a.example/")
    sites = ["open", "strict"] * 3
    built = bench.builder.from_plain_queries([facts] * 6, [{"site": site} for site in sites])
    consents = [checked(line)["consent"] for line, _ in built]
    assert consents == ["granted", "denied"] * 3
    assert ["visitor_id" in checked(line) for line, _ in built] == [True, False] * 3
