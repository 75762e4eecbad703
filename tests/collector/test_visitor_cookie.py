"""The visitor cookie: who is believed, when it is set anew, when a visit ends, what it says."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity import cookie_value
from collector.secrets import Secrets
from collector.settings import CollectorSettings
from collector.visitor_cookie import Visit, VisitorCookie
from tests.support.built_hits import NOW_MS, Bench
from tests.support.visitors import KEY, SECRETS, VISITOR, cookie

NOW = NOW_MS // 60_000
SHOP = '[[site]]\nkey = "shop"\ncookie_domain = "shop.example"\n'


def visitor_cookie(*keys: bytes, **settings: Any) -> VisitorCookie:
    signer = Secrets(keys or (KEY,)).signer("cookie")
    return VisitorCookie(CollectorSettings.model_validate(settings), signer)


def hit_of(bench: Bench, value: bytes) -> tuple[dict[str, Any], str]:
    """Return the hit of a browser with a Cookie header, and the value of Set-Cookie."""
    headers = [(b"Cookie", value)] if value else []
    line, set_cookie = bench.builder.from_query(bench.facts(headers), "", "GET")
    return orjson.loads(line), set_cookie


def tampered() -> list[bytes]:
    """Cookies that are not whole, of another visitor, of another time, of another use."""
    value = cookie()[3:]
    signature = SECRETS.signer("link").signature(value.rpartition(b".")[0])
    return [
        b"", b"x", VISITOR.encode(), value[:-1], value + b"0", value.upper(), b"\xff" * 36,
        value.replace(b"01234567", b"11234567"), value.replace(b".fffffff.", b".ffffffe."),
        value.replace(b"-", b"_"), value.rpartition(b".")[0], b"'; drop table hits",
        value.rpartition(b".")[0] + b"." + signature.encode(), value + b"\n",
    ]  # fmt: skip


@pytest.mark.parametrize("value", tampered())
def test_a_visitor_that_we_never_gave_is_not_believed(value: bytes) -> None:
    members, set_cookie = hit_of(Bench(), b"hg=" + value)
    assert members["visitor_id"] != VISITOR
    assert len(members["visitor_id"]) == 36
    assert set_cookie


@given(st.text(max_size=90) | st.from_regex(r"[0-9a-f-]{36}\.[0-9a-f]{1,9}\.[0-9a-f]+\.[\w-]{22}"))
def test_nothing_made_up_is_believed(value: str) -> None:
    assert visitor_cookie().read(value) is None


@given(st.uuids(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(visitor: Any, began: int, written: int) -> None:
    visit = Visit(str(visitor), began, written)
    both = visitor_cookie()
    assert both.read(both.value(visit)) == visit
    assert both.read_set_cookie(both.set_cookie(visit, "shop.example")) == visit


def test_keys_rotate() -> None:
    old, new = bytes([1]) * 32, bytes([2]) * 32
    visit = Visit(VISITOR, 5, 6)
    before = visitor_cookie(old).value(visit)
    both = visitor_cookie(new, old)
    assert both.read(before) == visit
    assert visitor_cookie(new).read(before) is None
    assert visitor_cookie(new).read(both.value(visit)) == visit


def test_a_fresh_cookie_is_not_set_again() -> None:
    members, set_cookie = hit_of(Bench(), cookie(written=NOW - 4))
    assert set_cookie == ""
    assert (members["visitor_id"], members["visitor_kind"]) == (VISITOR, "cookie")


@pytest.mark.parametrize(
    ("minutes", "goes_on", "is_set"),
    [(0, True, False), (4, True, False), (5, True, True), (30, True, True), (31, False, True),
     (100_000, False, True), (-3, True, False)],
)  # fmt: skip
def test_a_visit_ends_after_a_time_without_hits(minutes: int, goes_on: bool, is_set: bool) -> None:
    bench = Bench()
    before = Visit(VISITOR, NOW - minutes - 7, NOW - minutes)
    members, set_cookie = hit_of(bench, cookie(VISITOR, before.began, before.written))
    assert members["visitor_id"] == VISITOR
    assert (members["session_id"] == before.session_id()) == goes_on
    assert bool(set_cookie) == is_set
    if is_set:
        after = visitor_cookie().read_set_cookie(set_cookie)
        assert after == Visit(VISITOR, before.began if goes_on else NOW, NOW)
        again, _ = hit_of(bench, set_cookie.partition(";")[0].encode())
        assert again["session_id"] == members["session_id"]


def test_a_known_connection_sets_the_cookie_when_it_gets_old() -> None:
    """The way of most hits ends in the minute in which the cookie is to be set."""
    bench = Bench()
    facts = bench.facts([(b"Cookie", cookie(written=NOW))])
    answers = []
    for minute in range(8):
        bench.now_ms = (NOW + minute) * 60_000
        ((_, set_cookie),) = bench.builder.from_plain_queries([facts], [{"e": "x"}])
        answers.append(bool(set_cookie))
    assert answers == [False] * 5 + [True] * 3


def test_pixels_that_begin_a_visit_together_begin_the_same() -> None:
    bench = Bench()
    old = cookie(written=NOW - 500)
    assert hit_of(bench, old)[0]["session_id"] == hit_of(bench, old)[0]["session_id"]


def test_events_of_one_request_have_one_visitor() -> None:
    bench = Bench()
    facts = bench.facts()
    first, set_cookie = bench.builder.from_json(facts, {"e": "a"}, "")
    second, again = bench.builder.from_json(facts, {"e": "b"}, set_cookie)
    one, other = orjson.loads(first), orjson.loads(second)
    assert (one["visitor_id"], one["session_id"]) == (other["visitor_id"], other["session_id"])
    assert again == set_cookie


def test_without_visits_there_is_no_session() -> None:
    bench = Bench(visit_minutes=0)
    members, set_cookie = hit_of(bench, b"")
    assert "session_id" not in members
    members, set_cookie = hit_of(bench, cookie(VISITOR, NOW - 9, NOW - 9))
    assert members["visitor_id"] == VISITOR
    assert set_cookie


def test_unsigned_ids_are_taken_over_if_asked() -> None:
    bench = Bench(cookie_unsigned_accepted=True)
    members, set_cookie = hit_of(bench, b"hg=" + VISITOR.encode())
    assert members["visitor_id"] == VISITOR
    visit = visitor_cookie().read_set_cookie(set_cookie)
    assert visit is not None
    assert visit.session_id() == members["session_id"]


@pytest.mark.parametrize("kind", ["daily", "none"])
def test_no_cookie_is_set_or_read_without_the_setting(kind: str) -> None:
    members, set_cookie = hit_of(Bench(visitor_kind=kind), cookie())
    assert set_cookie == ""
    assert members.get("visitor_id") != VISITOR
    assert "session_id" not in members


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        ({}, {"Max-Age=34128000", "Path=/", "HttpOnly", "SameSite=None", "Secure"}),
        ({"cookie_partitioned": True},
         {"Max-Age=34128000", "Path=/", "HttpOnly", "SameSite=None", "Secure", "Partitioned"}),
        ({"cookie_domain": "a.example", "cookie_same_site": "Lax", "cookie_secure": False,
          "cookie_age_days": 1},
         {"Max-Age=86400", "Path=/", "HttpOnly", "SameSite=Lax", "Domain=a.example"}),
    ],
)  # fmt: skip
def test_the_cookies_attributes(settings: dict[str, Any], attributes: set[str]) -> None:
    _, set_cookie = hit_of(Bench(**settings), b"")
    name, *found = set_cookie.split("; ")
    assert name.startswith("hg=")
    assert set(found) == attributes


def test_the_domain_is_the_sites(tmp_path: Any) -> None:
    sites = tmp_path / "sites.toml"
    sites.write_text(SHOP)
    bench = Bench(sites_file=sites, cookie_domain="other.example")
    for site, domain in (("shop", "shop.example"), ("x", "other.example")):
        _, set_cookie = bench.builder.from_query(bench.facts(), f"site={site}", "GET")
        assert f"; Domain={domain};" in set_cookie


def test_the_first_cookie_of_a_name_counts() -> None:
    assert cookie_value(b"a=1; hg=2; hg=3", b"hg=") == "2"
    assert cookie_value(b"hgx=1; xhg=2", b"hg=") == ""


@pytest.mark.parametrize(
    "cookies", [b"a=1;hg=2", b"xhg=1; hg=2", b"xhg=1;hg=2; hg=3", b'a=1; hg="2"', b"hg=2 ; a=1"]
)
def test_a_cookie_is_found_whatever_stands_around_it(cookies: bytes) -> None:
    assert cookie_value(cookies, b"hg=") == "2"


@given(st.binary(max_size=60))
def test_any_cookie_header_is_read(cookies: bytes) -> None:
    value = cookie_value(cookies, b"hg=")
    assert ";" not in value
    assert visitor_cookie().read(value) is None
