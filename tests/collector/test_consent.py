"""Who may be known: what decides, in which order, and what each level keeps. docs/consent.md."""

import itertools
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.build_hit import _PERSON, _WHO, bare_page
from collector.consent import ALLOWED, Allowance, allowed
from collector.consent_words import LEVELS, Level
from schemas import hit
from tests.support.built_hits import Bench, checked
from tests.support.visitors import VISITOR, cookie

PAGE = Path(__file__).parents[2] / "docs" / "consent.md"
GPC = (b"Sec-GPC", b"1")
DNT = (b"DNT", b"1")
OPTED_OUT = (b"Cookie", b"hg_optout=1")
KNOWN = (b"Cookie", cookie())
ANONYMOUS = (b"SP-Anonymous", b"*")
AGENT = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/128.0.6613.127 Mobile Safari/537.36"
)
REDUCED = (
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 "
    "Mobile Safari/537.36"
)
HINTS = (
    (b"Sec-CH-UA", b'"Chromium";v="128"'),
    (b"Sec-CH-UA-Mobile", b"?1"),
    (b"Sec-CH-UA-Platform", b'"Android"'),
)
HEADERS = ((b"User-Agent", AGENT.encode()), *HINTS, (b"Accept-Language", b"de-DE,de;q=0.8"))
ADDRESS = "203.0.113.77"
QUERY = (
    "e=x&uid=me&rid=me2&u=https%3A%2F%2Fjoe%3Apw%40shop.example%2Fa%3Femail%3Djoe%23top"
    "&r=https%3A%2F%2Fnews.example%2F%3Fq%3Dill"
)
# Strings of IAB's encoders: all of purposes 1 to 10, those but 1, none; California in and out.
TCF_ALL = "CP1R2oAP1R2oAACABAENAACAAP_AAAAAAAYgAAAAAAAA"
TCF_NOT_DEVICE = "CP1R2oAP1R2oAACABAENAACAAH_AAAAAAAYgAAAAAAAA"
TCF_NONE = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
GPP_OUT, GPP_IN = "DBABBg~BAYAAABA.QA", "DBABBg~BAoAAABA.QA"

# What each source says when it is asked alone: (parameters, headers, settings) → level, source.
Case = tuple[str, tuple[tuple[bytes, bytes], ...], dict[str, Any], str, str]
SOURCES: list[Case] = [
    ("", (OPTED_OUT,), {}, "denied", "optout"),
    ("", (GPC,), {}, "denied", "gpc"),
    ("consent=granted", (), {}, "granted", "parameter"),
    ("consent=limited", (), {}, "limited", "parameter"),
    ("consent=denied", (), {}, "denied", "parameter"),
    (f"gdpr=1&gdpr_consent={TCF_ALL}", (), {}, "granted", "tcf"),
    (f"gdpr_consent={TCF_ALL}", (), {}, "granted", "tcf"),
    (f"gdpr=1&gdpr_consent={TCF_NOT_DEVICE}", (), {}, "limited", "tcf"),
    (f"gdpr=1&gdpr_consent={TCF_NONE}", (), {}, "denied", "tcf"),
    (f"gpp={GPP_OUT}&gpp_sid=8", (), {}, "denied", "gpp"),
    (f"gpp={GPP_IN}&gpp_sid=8", (), {}, "granted", "gpp"),
    ("us_privacy=1YYN", (), {}, "denied", "us_privacy"),
    ("us_privacy=1YNN", (), {}, "granted", "us_privacy"),
    ("", (DNT,), {"consent_dnt": True}, "denied", "dnt"),
    ("", (), {"consent_default": "limited"}, "limited", "default"),
    ("", (), {"consent_default": "denied"}, "denied", "default"),
    ("", (DNT,), {}, "granted", "default"),
    # Those that say that they do not apply.
    (f"gdpr=0&gdpr_consent={TCF_NONE}", (), {}, "granted", "default"),
    (f"gpp={GPP_OUT}&gpp_sid=-1", (), {}, "granted", "default"),
    ("us_privacy=1---", (), {}, "granted", "default"),
]
ORDER = ["optout", "gpc", "parameter", "tcf", "gpp", "us_privacy", "dnt", "default"]


@pytest.mark.parametrize(("query", "headers", "settings", "level", "source"), SOURCES)
def test_each_source_alone(
    query: str,
    headers: tuple[tuple[bytes, bytes], ...],
    settings: dict[str, Any],
    level: str,
    source: str,
) -> None:
    members = Bench(**settings).pixel(query, *headers)
    assert (members["consent"], members["consent_source"]) == (level, source)
    assert "problems" not in members


@pytest.mark.parametrize("second", ORDER[1:])
@pytest.mark.parametrize("first", ORDER[:-1])
def test_of_two_sources_the_earlier_decides(first: str, second: str) -> None:
    """One case of each source, which say different things."""
    if ORDER.index(first) >= ORDER.index(second):
        return
    one, other = (next(case for case in SOURCES if case[4] == name) for name in (first, second))
    query = "&".join(case[0] for case in (one, other) if case[0])
    members = Bench(**(one[2] | other[2])).pixel(query, *one[1], *other[1])
    assert (members["consent"], members["consent_source"]) == (one[3], first)


@pytest.mark.parametrize("word", ["1", "true", "YES", "Granted"])
def test_words_that_grant(word: str) -> None:
    assert Bench(consent_default="denied").pixel(f"consent={word}")["consent"] == "granted"


@pytest.mark.parametrize("word", ["0", "false", "No", "denied"])
def test_words_that_deny(word: str) -> None:
    assert Bench().pixel(f"consent={word}")["consent"] == "denied"


@pytest.mark.parametrize(
    ("query", "source", "problem"),
    [
        ("consent=maybe", "parameter", "consent: not a known word, taken as denied"),
        ("consent=granted%20", "parameter", "consent: not a known word, taken as denied"),
        ("gdpr=1", "tcf", "gdpr_consent: missing, taken as denied"),
        ("gdpr=1&gdpr_consent=$%7BGDPR%7D", "tcf", "gdpr_consent: not base64url, taken as denied"),
        (f"gdpr_consent={TCF_ALL[:30]}", "tcf", "gdpr_consent: cut short, taken as denied"),
        ("gpp=x", "gpp", "gpp: cut short, taken as denied"),
        (f"gpp={GPP_IN}&gpp_sid=7", "gpp", "gpp: section 7 is missing, taken as denied"),
        ("us_privacy=no", "us_privacy",
         "us_privacy: not a version 1 string of four characters, taken as denied"),
        ("consent=" + "x" * 9000, "parameter", "consent: not a known word, taken as denied"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_no_consent(query: str, source: str, problem: str) -> None:
    for question in (query, query + "&us_privacy=1YNN" if "us_privacy" not in query else query):
        members = Bench().pixel(question, KNOWN)
        assert (members["consent"], members["consent_source"]) == ("denied", source)
        assert members["problems"] == [problem]


@pytest.mark.parametrize(
    ("header", "denied"),
    [
        ((b"Sec-GPC", b"1"), True),
        ((b"sec-gpc", b" 1 "), True),
        ((b"Sec-GPC", b"0"), False),
        ((b"Sec-GPC", b""), False),
        ((b"Sec-GPC", b"yes"), False),
        ((b"Sec-GPC", b"1, 1"), True),
        ((b"Cookie", b"hg_optout=1"), True),
        ((b"Cookie", b"a=b;hg_optout=1"), True),
        ((b"Cookie", b'a=b;  hg_optout="1" ; c=d'), True),
        ((b"Cookie", b"hg_optout=0"), False),
        ((b"Cookie", b"xhg_optout=1"), False),
        ((b"Cookie", b"a=hg_optout=1"), False),
    ],
)
def test_what_a_header_decides(header: tuple[bytes, bytes], denied: bool) -> None:
    assert (Bench().pixel("", header)["consent"] == "denied") == denied


def kept(level: str, *, anonymous: bool, visitor_kind: str = "cookie") -> dict[str, Any]:
    """Return the hit of a known visitor with everything personal there is, at a level."""
    bench = Bench(consent_default=level, visitor_kind=visitor_kind)
    headers = [*HEADERS, KNOWN, *([ANONYMOUS] if anonymous else [])]
    line, set_cookie = bench.builder.from_query(bench.facts(headers, ADDRESS), QUERY, "GET")
    members = checked(line)
    unknown = bench.facts([header for header in headers if header != KNOWN], ADDRESS)
    fresh = bench.builder.from_query(unknown, QUERY, "GET")
    return members | {"set_cookie": bool(set_cookie or fresh[1])}


def found(level: str, *, anonymous: bool = False) -> Allowance:
    """Return what a hit of a level has, as the table would say it."""
    members = kept(level, anonymous=anonymous)
    by_day = kept(level, anonymous=anonymous, visitor_kind="daily")
    person = {"user_id", "recipient_id"} & set(members)
    assert len(person) in (0, 2)
    assert ("visitor_id" in members) == members["set_cookie"] == ("session_id" in members)
    query = members["url"] != "https://shop.example/a"
    assert query == (members["referrer"] != "https://news.example/")
    return Allowance(
        ip={ADDRESS: "whole", "203.0.113.0": "cut", None: "none"}[members.get("ip")],  # type: ignore[arg-type]
        cookie=members.get("visitor_id") == VISITOR,
        daily_id=by_day.get("visitor_kind") == "daily",
        person=bool(person),
        user_agent={AGENT: "whole", REDUCED: "reduced"}[members["user_agent"]],  # type: ignore[arg-type]
        client_hints="client_hints" in members,
        query=query,
    )


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_the_table_is_what_hits_have(level: Level, anonymous: bool) -> None:
    assert found(level, anonymous=anonymous) == allowed(level, anonymous=anonymous)


def test_the_page_has_the_table() -> None:
    """Each cell of the table in docs/consent.md is what `allowed` says."""
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", PAGE.read_text(), re.MULTILINE)
    table = {name: [cell.strip() for cell in cells.split("|")[1:]] for name, cells in rows}
    assert list(table) == list(Allowance._fields)
    for name, cells in table.items():
        anonymous = [getattr(allowed(level, anonymous=True), name) for level in LEVELS]
        wanted = [getattr(ALLOWED[level], name) for level in reversed(LEVELS)]
        for cell, value in zip(cells[:-1], wanted, strict=True):
            assert cell == {True: "yes", False: "no"}.get(value, value), name
        last = "as the level" if anonymous[::-1] == wanted else cells[-1]
        assert cells[-1] == last
        if last != "as the level":
            assert {cells[-1]} == {{True: "yes", False: "no"}.get(one, one) for one in anonymous}


def test_the_page_has_the_order() -> None:
    numbered = re.findall(r"^\d\. .*?source\s+`(\w+)`", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert numbered == ORDER


def test_every_personal_member_is_dropped_by_some_rule() -> None:
    personal = {field.name for field in hit.FIELDS if field.personal}
    assert personal == {*_PERSON, *_WHO, "ip"} - {"visitor_kind"}
    assert set(get_args(Level)) == set(ALLOWED)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://shop.example/a?b=c", "https://shop.example/a"),
        ("https://shop.example?b", "https://shop.example"),
        ("https://shop.example/#/users/7?x", "https://shop.example/"),
        ("https://joe:pw@shop.example:8443/a", "https://shop.example:8443/a"),
        ("https://joe@home@shop.example", "https://shop.example"),
        ("//joe@shop.example/a@b", "//shop.example/a@b"),
        ("/a/b?c", "/a/b"),
        ("mailto:joe@shop.example", "mailto:"),
        ("tel:+4930123", "tel:"),
        ("android-app://com.example/", "android-app://com.example/"),
        ("", ""),
    ],
)
def test_a_page_without_what_may_tell_who_it_is(url: str, bare: str) -> None:
    assert bare_page(url) == bare


@given(st.text(max_size=40))
def test_a_bare_page_has_no_query(url: str) -> None:
    bare = bare_page(f"https://shop.example/{url}")
    assert "?" not in bare
    assert "#" not in bare


def test_headers_never_leak_between_decisions() -> None:
    """The line's end is kept for each decision of a header block; one must not serve another."""
    bench = Bench()
    facts = bench.facts([KNOWN])
    for first, second in itertools.permutations(["granted", "limited", "denied"], 2):
        for word in (first, second, first):
            line, _ = bench.builder.from_query(facts, f"consent={word}&uid=me", "GET")
            assert (VISITOR.encode() in line) == (word == "granted")
