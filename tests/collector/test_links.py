"""Links lead where their signer said or nowhere, whatever the form of the destination.

What is accepted is also read by a browser's parser (Node's `URL` is the WHATWG one): it must see
the same host.
"""

import json
import subprocess
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.links import (
    UTM,
    BadLink,
    destination,
    parse_link,
    signed_query,
    tagged,
)
from collector.secrets import Secrets

SIGNER = Secrets([bytes(32)]).signer("link")
OTHER = Secrets([b"x" * 32]).signer("link")
HOST = "shop.example"

# Each was an open redirect somewhere: another host for browsers than for whoever checked.
HOSTILE = (
    "", " ", "/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "ftp://a.b/",
    "blob:https://shop.example/x", "about:blank", "https:shop.example", "https:/shop.example",
    "https:\\\\shop.example", "https:///shop.example", "https://", "https:// shop.example",
    " https://shop.example", "https://shop.example\\@evil.example/", "https://shop.example@evil.example/",
    "https://shop.example:443@evil.example", "https://a:b@evil.example", "https://@evil.example",
    "https://shop.example\\.evil.example", "https://shop.example%2eevil.example",
    "https://shop.example%00.evil.example", "https://shop.example\x00.evil.example",
    "https://shop.example\t.evil.example", "https://shop.example\n.evil.example",
    "ht\ntps://evil.example", "https://shop.example\r\nSet-Cookie: a=b",
    "https://shop.example/\r\nX: y",
    "https://shop.example/\n", "https://shop.example/\x7f", "https://shop.example/\u2028",
    "https://shop.example/\ufffd", "https://shop.example/\ud800",
    "https://shop.example\u3002evil.example",
    "https://shop。example/", "https://ⓔvil.example", "https://evil。example", "https://ev\u00adil.example",
    "https://\u212aelvin.example", "https://\u017fhop.example", "https://shop.example\uff0fevil.example",
    "https://shop.example\uff03@evil.example", "https://shop.example:", "https://shop.example:x/",
    "https://shop.example:99999/", "https://shop.example:٤٤٣/", "https://.shop.example",
    "https://shop..example", "https://shop.example.", "https://-shop.example", "https://[evil.example]/",
    "https://[::1", "https://{visitor}.example/", "https://{visitor}@shop.example/", "https://*/",
    "https://shop.example;evil.example/", "https://shop.example,evil.example",
    "https://shop.example&evil.example", "https://shop.example=evil.example",
    "https%3A%2F%2Fshop.example", "https%3a//shop.example", "http:https://shop.example",
)  # fmt: skip
FRIENDLY = {
    "https://shop.example": "https://shop.example",
    "HTTPS://Shop.Example/Path": "https://shop.example/Path",
    "https://shop.example:8443/a?b=c#d": "https://shop.example:8443/a?b=c#d",
    "http://127.0.0.1:3000/x": "http://127.0.0.1:3000/x",
    "http://[2001:db8::1]/x": "http://[2001:db8::1]/x",
    "https://shop.example//evil.example": "https://shop.example//evil.example",
    "https://shop.example/?next=//evil.example": "https://shop.example/?next=//evil.example",
    "https://shop.example/a b": "https://shop.example/a%20b",
    "https://shop.example/käse?q=ü": "https://shop.example/k%C3%A4se?q=%C3%BC",
    "https://shop.example/k%C3%A4se": "https://shop.example/k%C3%A4se",
    "https://shop.example/\\evil.example": "https://shop.example/%5Cevil.example",
    "https://shop.example/<script>\"'": "https://shop.example/%3Cscript%3E%22'",
    "https://shop.example/%0d%0aX": "https://shop.example/%0d%0aX",
    "https://shop.example/?v={visitor}&w={x}": "https://shop.example/?v={visitor}&w=%7Bx%7D",
    "https://shop.example?a@b": "https://shop.example?a@b",
}


def link(to: str, **values: str) -> str:
    return "&".join(
        f"{name}={quote(value, safe='')}" for name, value in {"u": to, **values}.items()
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_destination_is_refused(text: str) -> None:
    with pytest.raises(BadLink) as raised:
        destination(text)
    assert raised.value.reason == "destination"


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isascii() and text])
@pytest.mark.parametrize("times", [1, 2])
def test_no_escaping_makes_a_hostile_destination_pass(text: str, times: int) -> None:
    value = text
    for _ in range(times):
        value = quote(value, safe="")
    with pytest.raises(BadLink):
        parse_link(f"u={value}&s=x")


@pytest.mark.parametrize(("text", "url"), FRIENDLY.items())
def test_destination_is_what_browsers_make_of_it(text: str, url: str) -> None:
    found = destination(text)
    assert found.url == url
    assert found.url.isascii()
    # What is normal stays so: a signed link signs what it leads to.
    assert destination(url).url == url


def test_destination_has_a_longest() -> None:
    with pytest.raises(BadLink, match="longer than"):
        destination("https://shop.example/" + "ä" * 1000)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://bücher.example/ä", "xn--bcher-kva.example"),
        ("https://faß.example", "xn--fa-hia.example"),
        ("https://BÜCHER.example:8443/", "xn--bcher-kva.example"),
        ("https://shop.example/", "shop.example"),
    ],
)
def test_signing_turns_a_host_into_ascii(text: str, host: str) -> None:
    assert parse_link(signed_query(text, SIGNER)).destination.host == host


@pytest.mark.parametrize("text", ["https://ü@b.example", "https://\u202e.example", "x", "ü"])
def test_what_is_no_host_is_not_signed(text: str) -> None:
    with pytest.raises(BadLink):
        signed_query(text, SIGNER)


def test_signature_covers_destination_expiry_and_site() -> None:
    query = signed_query("https://shop.example/a", SIGNER, site="shop", expiry_s=2_000_000_000)
    whole = parse_link(query)
    assert whole.is_signed(SIGNER)
    assert not whole.is_signed(OTHER)
    signature = whole.signature
    for changed in (
        link("https://shop.example/b", x="2000000000", site="shop", s=signature),
        link("https://shop.example/a", x="2000000001", site="shop", s=signature),
        link("https://shop.example/a", x="2000000000", site="other", s=signature),
        link("https://shop.example/a", site="shop", s=signature),
        link("https://shop.example/a", x="2000000000", s=signature),
        link("https://shop.example/a", x="2000000000", site="shop"),
    ):
        assert not parse_link(changed).is_signed(SIGNER)


def test_rest_of_a_link_is_free_for_the_mailer() -> None:
    query = signed_query("https://shop.example/a?b=c#d", SIGNER, described={"cid": "spring"})
    found = parse_link(f"{query}&rid=r-1&utm_source=news%20letter&fbclid=x&e=Evil")
    assert found.is_signed(SIGNER)
    assert found.destination.url == "https://shop.example/a?b=c&utm_source=news%20letter#d"
    assert found.described == "cid=spring&rid=r-1&utm_source=news%20letter&fbclid=x"


def test_utm_that_is_there_is_not_added_again() -> None:
    found = parse_link(
        link("https://shop.example/?utm_source=own", utm_source="x", utm_medium="a&b=c#\r\n")
    )
    assert found.destination.url == (
        "https://shop.example/?utm_source=own&utm_medium=a%26b%3Dc%23%0D%0A"
    )
    assert tagged("https://shop.example", {"utm_campaign": "é", "other": "x"}) == (
        "https://shop.example?utm_campaign=%C3%A9"
    )


@pytest.mark.parametrize("name", ["u", "s", "x", "site", "utm_source"])
def test_parameter_given_twice_is_refused(name: str) -> None:
    query = signed_query("https://shop.example/", SIGNER, site="a", expiry_s=1)
    for double in (name, f"%{ord(name[0]):02x}{name[1:]}"):
        with pytest.raises(BadLink, match="twice"):
            parse_link(f"{query}&{name}=1&{double}=2")


@pytest.mark.parametrize("expiry", ["-1", "x", "1.5", "123456789012", "\u0661", "1 "])
def test_expiry_is_a_number_of_seconds(expiry: str) -> None:
    with pytest.raises(BadLink, match="x is not"):
        parse_link(link("https://shop.example/", x=expiry))


def test_link_ends_at_its_expiry() -> None:
    found = parse_link(signed_query("https://shop.example/", SIGNER, expiry_s=100))
    assert not found.is_expired(99)
    assert found.is_expired(100)
    assert not parse_link(signed_query("https://shop.example/", SIGNER)).is_expired(10**10)


@pytest.mark.parametrize("site", ["a\nb", "x" * 300])
def test_site_that_is_no_key_is_not_signed(site: str) -> None:
    with pytest.raises(BadLink, match="site"):
        signed_query("https://shop.example/", SIGNER, site=site)


def test_line_end_can_not_move_the_border_of_what_is_signed() -> None:
    signature = parse_link(signed_query("https://shop.example/", SIGNER, site="b")).signature
    with pytest.raises(BadLink):
        parse_link(link("https://shop.example/", site="\nb", s=signature))


def test_visitor_macro_is_filled_or_emptied() -> None:
    found = destination("https://shop.example/?v={visitor}#{visitor}")
    assert found.wants_visitor
    assert found.with_visitor("1") == "https://shop.example/?v=1#1"
    assert found.with_visitor("") == "https://shop.example/?v=#"
    assert not destination("https://shop.example/%7Bvisitor%7D").wants_visitor


_PIECES = st.sampled_from(
    ["https://", "http://", "shop.example", "evil.example", "/", "//", "\\", "@", ":", "443", "?",
     "#", "%2f", "%5c", "%00", "%0a", "\t", "\n", "\r", " ", "\x00", "\u3002", "\uff0e", "\uff0f",
     "\uff20", "[", "]", "::1", ".", "..", "-", "_", ";", "javascript:", "data:", "{visitor}",
     "\u202e", "ß", "\u017f", "\u212a", "\u00ad", "\u200d", "%", "&", "=", "+", "|", "^", "<", ">",
     '"', "'", "`", "0x7f.1", "127.0.0.1"]
)  # fmt: skip
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=3)), max_size=9).map("".join)
_URLS = st.one_of(
    _TEXTS,
    _TEXTS.map(lambda text: f"https://shop.example{text}"),
    _TEXTS.map(lambda text: f"https://shop.example/{text}"),
)


def at_least(examples: int) -> settings:
    """More than other tests try, and more still if the run is a long one (`make fuzz`)."""
    assert settings.default is not None
    return settings(max_examples=max(examples, settings.default.max_examples))


@given(_URLS)
@at_least(500)
def test_what_is_accepted_is_one_line_of_ascii_with_the_host_it_says(text: str) -> None:
    try:
        found = destination(text)
    except BadLink:
        return
    assert found.url.isascii()
    assert found.url.isprintable()
    assert " " not in found.url
    parts = urlsplit(found.url)
    assert parts.scheme in ("http", "https")
    assert "@" not in parts.netloc
    assert (parts.hostname or "") == found.host.strip("[]")
    assert destination(found.url) == found


@given(st.text(max_size=60), _URLS)
@at_least(300)
def test_any_query_is_a_link_or_refused(query: str, to: str) -> None:
    for text in (query, f"u={query}", link(to), link(to, utm_source=query, site=query)):
        try:
            found = parse_link(text)
        except BadLink:
            continue
        assert found.destination.url.isascii()
        assert not found.is_signed(SIGNER)


@given(_URLS, st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
@at_least(300)
def test_what_is_signed_is_what_is_read(to: str, site: str) -> None:
    try:
        query = signed_query(to, SIGNER, site=site, described={"cid": "a&b"})
    except BadLink:
        return
    found = parse_link(query)
    assert found.is_signed(SIGNER)
    assert found.site == site
    assert parse_qs(query)["u"] == [found.destination.url]


@given(st.dictionaries(st.sampled_from(UTM), st.text(max_size=20)), _URLS)
@at_least(300)
def test_utm_never_changes_host_or_what_is_there(utm: dict[str, str], to: str) -> None:
    try:
        plain, with_utm = destination(to), destination(to, utm)
    except BadLink:
        return
    assert with_utm.host == plain.host
    before, after = (parse_qs(urlsplit(one.url).query) for one in (plain, with_utm))
    assert before.items() <= after.items()
    assert urlsplit(with_utm.url).fragment == urlsplit(plain.url).fragment


@pytest.mark.node
def test_browsers_see_the_same_host() -> None:
    """Of whatever is accepted; Node's URL is the WHATWG parser that browsers have."""
    accepted = []

    @given(_URLS)
    @settings(max_examples=3000, database=None)
    def collect(text: str) -> None:
        try:
            accepted.append(destination(text))
        except BadLink:
            return

    collect()
    accepted += [destination(text) for text in FRIENDLY]
    # Names that browsers read as numbers (127.1) lead nowhere else, but are written otherwise.
    named = [found for found in accepted if not found.host.rpartition(".")[2][:1].isdigit()]
    script = """
      const urls = JSON.parse(require("fs").readFileSync(0, "utf8"));
      console.log(JSON.stringify(urls.map((text) => {
        try { const url = new URL(text); return [url.protocol, url.hostname, url.username]; }
        catch { return null; }
      })));
    """
    done = subprocess.run(
        ["node", "-e", script],
        input=json.dumps([found.url for found in named]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert len(named) > 100
    for found, url in zip(named, seen, strict=True):
        if url is not None and "[" not in found.host:
            assert url[0] in ("http:", "https:"), found
            assert url[1:] == [found.host, ""], found
