"""Who may be known: the consent table, the cookie, and whose address a request came from."""

import itertools
from typing import Any

import pytest

from collector.identity import cookie_value
from collector.responses import PixelAnswers
from collector.settings import CollectorSettings
from tests.support.built_hits import Bench

VISITOR = "01234567-89ab-4def-8123-456789abcdef"
GPC = (b"Sec-GPC", b"1")
OPTED_OUT = (b"Cookie", b"hg_optout=1")
KNOWN = (b"Cookie", b"hg=" + VISITOR.encode())
PERSONAL = {"visitor_id", "user_id", "recipient_id"}
ME = "&uid=me&rid=me2"

# (consent parameter, default) → decision and what decided it, if no header speaks.
BY_PARAMETER = {
    ("", "granted"): ("granted", "default"),
    ("", "denied"): ("denied", "default"),
    ("granted", "denied"): ("granted", "parameter"),
    ("YES", "denied"): ("granted", "parameter"),
    ("1", "denied"): ("granted", "parameter"),
    ("denied", "granted"): ("denied", "parameter"),
    ("0", "granted"): ("denied", "parameter"),
    ("False", "granted"): ("denied", "parameter"),
    ("garbage", "granted"): ("denied", "parameter"),
    ("granted%20", "granted"): ("denied", "parameter"),
    ("%FF", "granted"): ("denied", "parameter"),
}


@pytest.mark.parametrize(("word", "default"), BY_PARAMETER)
@pytest.mark.parametrize("gpc", [False, True])
@pytest.mark.parametrize("optout", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_the_consent_table(word: str, default: str, gpc: bool, optout: bool, known: bool) -> None:
    bench = Bench(consent_default=default)
    headers = [h for h, on in ((KNOWN, known), (GPC, gpc), (OPTED_OUT, optout)) if on]
    query = "e=x" + ME + (f"&consent={word}" if word else "")
    line, new_visitor = bench.builder.from_query(bench.facts(headers), query, "GET")
    members = bench.pixel(query, *headers)
    wanted = ("denied", "gpc") if gpc else BY_PARAMETER[word, default]
    wanted = ("denied", "optout") if optout else wanted
    assert (members["consent"], members["consent_source"]) == wanted
    if wanted[0] == "denied":
        assert not PERSONAL & set(members)
        assert members["ip"] == "203.0.113.0"
        assert new_visitor == ""
        assert VISITOR.encode() not in line
        assert b"me2" not in line
    else:
        assert set(members) >= PERSONAL
        assert members["ip"] == "203.0.113.77"
        assert (members["visitor_id"] == VISITOR) == known
        assert bool(new_visitor) != known
        assert new_visitor in line.decode()


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


@pytest.mark.parametrize(
    "value",
    [b"", b"x", VISITOR.encode()[:-1], VISITOR.encode() + b"0", VISITOR.upper().encode(),
     b"'; drop table hits", b"\xff" * 36, VISITOR.encode().replace(b"-", b"_")],
)  # fmt: skip
def test_a_visitor_that_we_never_gave_is_not_believed(value: bytes) -> None:
    bench = Bench()
    members = bench.pixel("", (b"Cookie", b"hg=" + value))
    assert members["visitor_id"] != value.decode("latin-1")
    assert len(members["visitor_id"]) == 36


def test_a_known_visitor_is_not_given_another_cookie() -> None:
    bench = Bench()
    line, new_visitor = bench.builder.from_query(bench.facts([KNOWN]), "", "GET")
    assert new_visitor == ""
    assert VISITOR.encode() in line


def test_the_first_cookie_of_a_name_counts() -> None:
    assert cookie_value(b"a=1; hg=2; hg=3", b"hg=") == "2"
    assert cookie_value(b"hgx=1; xhg=2", b"hg=") == ""


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        ({}, {"Max-Age=34128000", "Path=/", "HttpOnly", "SameSite=None", "Secure"}),
        ({"cookie_domain": "a.example", "cookie_same_site": "Lax", "cookie_secure": False,
          "cookie_age_days": 1},
         {"Max-Age=86400", "Path=/", "HttpOnly", "SameSite=Lax", "Domain=a.example"}),
    ],
)  # fmt: skip
def test_the_cookies_attributes(settings: dict[str, Any], attributes: set[str]) -> None:
    answers = PixelAnswers(CollectorSettings.model_validate(settings))
    name, *found = answers.set_cookie(VISITOR).split("; ")
    assert name == f"hg={VISITOR}"
    assert set(found) == attributes
    assert f"\r\nSet-Cookie: {name}; ".encode() in answers.answer(new_visitor_id=VISITOR)


TRUSTED = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32")
CHAINS = [
    # peer, chain as sent, whose address it is
    ("198.51.100.9", "1.1.1.1", "198.51.100.9"),  # an untrusted peer is the client
    ("10.1.2.3", "", "10.1.2.3"),
    ("10.1.2.3", "1.1.1.1", "1.1.1.1"),
    ("10.1.2.3", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # what the client wrote is left of its address
    ("10.1.2.3", "6.6.6.6, 1.1.1.1, 10.9.9.9", "1.1.1.1"),
    ("10.1.2.3", "10.7.7.7, 10.9.9.9", "10.7.7.7"),  # all are proxies: the leftmost
    ("10.1.2.3", "6.6.6.6, garbage", "10.1.2.3"),  # nobody to believe
    ("10.1.2.3", "6.6.6.6, unknown, 10.9.9.9", "10.9.9.9"),
    ("10.1.2.3", "1.1.1.1:4711", "1.1.1.1"),
    ("10.1.2.3", "[2a00::5]:4711", "2a00::5"),
    ("10.1.2.3", "2a00::5", "2a00::5"),
    ("10.1.2.3", "::ffff:1.1.1.1", "1.1.1.1"),
    ("2001:db8::1", "1.1.1.1", "1.1.1.1"),
    ("::ffff:10.1.2.3", "1.1.1.1", "1.1.1.1"),
    ("2001:dba::1", "1.1.1.1", "2001:dba::1"),
    ("192.0.2.1", "1.1.1.1", "1.1.1.1"),
    ("192.0.2.2", "1.1.1.1", "192.0.2.2"),
]  # fmt: skip


@pytest.mark.parametrize(("peer", "chain", "client"), CHAINS)
@pytest.mark.parametrize("kind", ["x-forwarded-for", "forwarded"])
def test_the_client_behind_trusted_proxies(peer: str, chain: str, client: str, kind: str) -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header=kind)
    sent = chain
    if kind == "forwarded" and chain:
        sent = ", ".join(f'proto=https;For="{hop}";by=_x' for hop in chain.split(", "))
    members = bench.pixel("", (kind.encode(), sent.encode()), peer=peer)
    assert members["ip"] == client


@pytest.mark.parametrize("kind", ["x-forwarded-for", "forwarded"])
def test_no_proxy_is_believed_by_default(kind: str) -> None:
    bench = Bench(proxy_header=kind)
    members = bench.pixel("", (kind.encode(), b"for=1.1.1.1"), peer="10.1.2.3")
    assert members["ip"] == "10.1.2.3"


def test_the_other_header_is_ignored() -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header="forwarded")
    assert bench.pixel("", (b"X-Forwarded-For", b"6.6.6.6"), peer="10.0.0.1")["ip"] == "10.0.0.1"


def test_a_proxy_that_names_nobody_hides_what_the_client_wrote() -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header="forwarded")
    header = (b"Forwarded", b"for=6.6.6.6, proto=https;by=_proxy")
    assert bench.pixel("", header, peer="10.0.0.1")["ip"] == "10.0.0.1"


def test_header_lines_are_one_chain() -> None:
    bench = Bench(trusted_proxies=TRUSTED)
    lines = [(b"X-Forwarded-For", hop) for hop in (b"6.6.6.6", b"1.1.1.1", b"10.5.5.5")]
    assert bench.pixel("", *lines, peer="10.0.0.1")["ip"] == "1.1.1.1"


@pytest.mark.parametrize(
    ("address", "cut"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"), ("::1", "::"),
     ("::ffff:203.0.113.77", "203.0.113.0"), ("fe80::1%eth0", "fe80::")],
)  # fmt: skip
def test_an_address_without_consent_is_cut(address: str, cut: str) -> None:
    assert Bench(consent_default="denied").pixel("", peer=address)["ip"] == cut


def test_a_unix_socket_has_no_address() -> None:
    assert "ip" not in Bench().pixel("", peer="")


def test_headers_never_leak_between_decisions() -> None:
    """The line's end is kept for each decision of a header block; one must not serve another."""
    bench = Bench()
    facts = bench.facts([KNOWN])
    for first, second in itertools.permutations(["granted", "denied"], 2):
        for word in (first, second, first):
            line, _ = bench.builder.from_query(facts, f"consent={word}{ME}", "GET")
            assert (VISITOR.encode() in line) == (word == "granted")


@pytest.mark.parametrize(
    "cookies", [b"a=1;hg=2", b"xhg=1; hg=2", b"xhg=1;hg=2; hg=3", b'a=1; hg="2"', b"hg=2 ; a=1"]
)
def test_a_cookie_is_found_whatever_stands_around_it(cookies: bytes) -> None:
    assert cookie_value(cookies, b"hg=") == "2"
