"""`GET /px.js`: the built tag, with this collector's paths, small, cacheable, for any page."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.routes.tag import tag_script, takes_gzip
from tests.support.raw_http import Answer, RawConnection, get
from tests.support.worker_thread import WorkerThread

GZIPPED_BYTES_MAX = 3000


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerThread]:
    with WorkerThread(
        tmp_path_factory.mktemp("tag"), pixel_path="/x.gif", tag_path="/t"
    ) as running:
        yield running
        assert running.lines() == []


def tag(worker: WorkerThread, headers: str = "") -> Answer:
    return get(worker.port, "/t", headers)


def test_it_is_small(worker: WorkerThread) -> None:
    packed = tag(worker, "Accept-Encoding: br, gzip\r\n")
    assert packed.header("content-encoding") == "gzip"
    assert len(packed.body) <= GZIPPED_BYTES_MAX
    plain = tag(worker)
    assert plain.header("content-encoding") == ""
    assert gzip.decompress(packed.body) == plain.body
    assert packed.header("etag") != plain.header("etag")


def test_any_page_may_load_and_keep_it(worker: WorkerThread) -> None:
    answer = tag(worker, "Origin: https://shop.example\r\n")
    assert answer.status == 200
    assert answer.header("content-type") == "text/javascript; charset=utf-8"
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cross-origin-resource-policy") == "cross-origin"
    assert answer.header("vary") == "Accept-Encoding"
    assert answer.header("cache-control").startswith("public, max-age=3600")
    assert answer.header("set-cookie") == ""


@pytest.mark.parametrize("coding", ["", "Accept-Encoding: gzip\r\n"])
def test_who_has_it_is_told_so(worker: WorkerThread, coding: str) -> None:
    etag = tag(worker, coding).header("etag")
    assert etag.startswith('"')
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = tag(worker, f"{coding}If-None-Match: {known}\r\n")
        assert (again.status, again.body, again.header("etag")) == (304, b"", etag)
        assert again.header("cache-control")
    for other in ('"other"', "nonsense", ""):
        assert tag(worker, f"{coding}If-None-Match: {other}\r\n").status == 200


def test_head_says_the_same_without_a_body(worker: WorkerThread) -> None:
    whole = tag(worker)
    with RawConnection(worker.port) as connection:
        connection.send(b"HEAD /t HTTP/1.1\r\nHost: test\r\n\r\n")
        head = connection.answer(head=True)
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.header(name) == whole.header(name)


def test_it_has_the_paths_of_the_operator(worker: WorkerThread) -> None:
    script = tag(worker).body
    assert b'"/x.gif"' in script
    assert b'"/p.gif"' not in script
    assert b'"/p"' in script


def test_a_path_stays_a_text() -> None:
    assert rb'"/a\"\u003c/script\u003e"' in tag_script('/a"</script>', "/p")


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("GZIP, deflate", True),
        ("br;q=1, gzip;q=0.001", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("br", False),
        ("x-gzip-not", False),
        ("gzip;q=", False),
        ("", False),
    ],
)
def test_accepted_codings(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) == taken


def test_the_file_is_what_the_package_ships() -> None:
    assert Path("collector/pages/px.js").read_bytes() == tag_script("/p.gif", "/p")
