"""Query strings and beacons against a model, and lines that no input may break.

The model reads a query string with the standard library; what it must agree on is the value of each
parameter that is a plain text.
"""

from typing import Any
from urllib.parse import parse_qsl, quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.build_hit import bare_page
from collector.consent import PARAMETERS
from collector.parameters import is_query, plain_queries
from schemas import hit, limits
from tests.support.built_hits import Bench, checked

TEXTS = {p: f for p, f in hit.BY_PARAMETER.items() if f.bytes_max > 4}
NAMES = st.sampled_from([*hit.BY_PARAMETER, *PARAMETERS, "p.x", "p.", "p", "x", "%65", "p%2Ex", ""])
PIECES = st.text(
    st.sampled_from("abcXYZ019%+&=?#/:;.-_~ \"'\\<>{}äß€😀\x00\x1f\x7f")
    | st.characters(codec="utf-8")
)
ESCAPED = PIECES.map(quote) | st.sampled_from(
    [
        "%ff",
        "%C3%A4",
        "%c3",
        "%",
        "%4",
        "%zz",
        "+",
        "%2F",
        "%2f",
        "%252F",
        "%3D",
        "%26",
        "%3A%2F%2F",
    ]
)
VALUES = st.lists(ESCAPED | st.text("abc%+23FfDd=", max_size=8), max_size=4).map("".join)
QUERIES = st.lists(
    st.tuples(NAMES, st.sampled_from(["=", "=", "=", ""]), VALUES).map("".join), max_size=6
).map("&".join)
BENCH = Bench()


@given(QUERIES)
def test_a_query_means_what_the_standard_library_reads(query: str) -> None:
    members = BENCH.pixel(query)
    wanted: dict[str, Any] = {"event": "PageView"}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        field = TEXTS.get(name)
        if field is not None and value:
            wanted[field.name] = value.encode()[: field.bytes_max].decode(errors="ignore")
    if members["consent"] == "denied":
        for name, field in hit.BY_NAME.items():
            if field.personal:
                wanted.pop(name, None)
        for name in ("url", "referrer"):
            if name in wanted:
                wanted[name] = bare_page(wanted[name])
    found = {f.name: members[f.name] for f in TEXTS.values() if f.name in members}
    assert found == wanted


@given(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=300))
def test_any_query_makes_a_line(query: str) -> None:
    BENCH.pixel(query)


@given(st.lists(QUERIES, min_size=1, max_size=4))
def test_queries_read_together_say_what_each_says_alone(queries: list[str]) -> None:
    asked = [query.encode() for query in queries if is_query(query.encode())]
    together = plain_queries(asked) if asked else None
    if together is not None:
        for query, parameters in zip(asked, together, strict=True):
            pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
            assert dict(pairs) == parameters
            assert len(pairs) == len(parameters)


PLAIN = "e=Buy&u=https%3A%2F%2Fa.example%2F%3Fb%3Dc%26d&p.x=%C3%A4+1%2B1"


@pytest.mark.parametrize("other", ["e=a&e=b", "e", "u=?a=b", "e=%ff", "e=%4", "e=%zz", 'e="', ""])
def test_what_is_not_surely_plain_is_left_alone(other: str) -> None:
    assert plain_queries((PLAIN.encode(), PLAIN.encode())) is not None
    assert plain_queries((PLAIN.encode(), other.encode())) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
EVENTS = st.dictionaries(NAMES | st.just("p.deep"), JSON, max_size=8)


@given(EVENTS)
def test_any_event_makes_a_line(event: dict[str, Any]) -> None:
    line, _ = BENCH.builder.from_json(BENCH.facts(), _as_read(event), "")
    checked(line)


def _as_read(event: dict[str, Any]) -> Any:
    """Return what the beacon's reader makes of an event: no NaN, no integer over 64 bits."""
    return orjson.loads(orjson.dumps(_small(event)))


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _small(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_small(inner) for inner in value]
    return float(value) if type(value) is int and abs(value) >= 2**63 else value


def test_the_same_in_a_query_and_in_an_event() -> None:
    values = {"e": "Buy", "u": "https://a.example/?b=c&d", "v": "12.5", "c": "eur",
              "ts": "1700000000123", "uid": "me", "p.color": "süß"}  # fmt: skip
    query = "&".join(f"{name}={quote(value)}" for name, value in values.items())
    by_query = BENCH.pixel(query)
    by_event = checked(BENCH.builder.from_json(BENCH.facts(), values, "")[0])
    for hit_ in (by_query, by_event):
        for name in ("id", "visitor_id", "session_id", "endpoint", "method"):
            hit_.pop(name)
    assert by_query == by_event
    assert by_query["value"] == 12.5
    assert by_query["currency"] == "EUR"
    assert by_query["client_time"] == "2023-11-14T22:13:20.123Z"
    assert by_query["properties"] == {"color": "süß"}


WORST = "\x01"  # six bytes of JSON for one of the limit


def test_the_largest_line_is_under_its_limit() -> None:
    event: dict[str, Any] = dict.fromkeys(TEXTS, WORST * 10000)
    event |= {"v": "99999999999999.9", "c": "eur", "ts": "9999999999999", "consent": "granted"}
    event["p"] = {chr(200 + n) + WORST * 99: WORST * 10_000 for n in range(100)}
    event |= {f"{WORST * 18}{n:02}": [] for n in range(100)}
    headers = ((b"User-Agent", b'"' * 2000), (b"Accept-Language", b'"' * 99), (b"Referer", b"x"))
    line, _ = BENCH.builder.from_json(BENCH.facts(headers, "2001:db8::ffff"), event, "")
    members = checked(line)
    assert len(members["properties"]) == limits.PROPERTIES_MAX
    assert len(members["problems"]) == limits.PROBLEMS_MAX
    assert len(line) > limits.LINE_BYTES_MAX // 2, "the limit could be lower"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("v=x", "value: not a number"),
        ("v=1e5", "value: not a number"),
        ("v=100000000000000", "value: not a number"),
        ("c=euro", "currency: not a code of three letters"),
        ("ts=yesterday", "client_time: not milliseconds since 1970"),
        ("ts=-5", "client_time: not milliseconds since 1970"),
        ("ts=99999999999999", "client_time: not milliseconds since 1970"),
        ("consent=maybe", "consent: not a known word, taken as denied"),
        ("e=%ff", "e: not UTF-8"),
        ("e=" + "x" * 201, "event: cut at 200 bytes"),
        ("&".join(f"p.{n}=1" for n in range(51)), "properties: more than 50"),
    ],
)
def test_a_bad_parameter_is_a_problem_of_the_hit(query: str, problem: str) -> None:
    assert BENCH.pixel(query)["problems"] == [problem]


def test_an_event_that_nests_too_deep_is_a_problem() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    line, _ = BENCH.builder.from_json(BENCH.facts(), {"p": {"a": deep, "b": 1}}, "")
    members = checked(line)
    assert members["problems"] == ["properties: nested too deep"]
    assert members["properties"] == {"b": "1"}


def test_a_header_that_is_no_utf8_keeps_its_limit() -> None:
    members = BENCH.pixel("", (b"User-Agent", b"\xff" * 1024))
    assert len(members["user_agent"].encode()) <= limits.USER_AGENT_BYTES_MAX
    assert "user_agent: not UTF-8" in members["problems"]


def test_ids_are_new_and_of_their_version() -> None:
    ids = [BENCH.pixel("")["id"] for _ in range(300)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert all(one[14] == "7" and one[19] in "89ab" for one in ids)
    visitors = {BENCH.pixel("")["visitor_id"] for _ in range(300)}
    assert len(visitors) == 300
    assert all(one[14] == "4" and one[19] in "89ab" for one in visitors)
