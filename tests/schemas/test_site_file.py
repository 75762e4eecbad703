"""The file of sites: what is good, and that each fault is named with file, site and member."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.site_file import BadSiteFile, parse_site_file

WHOLE = """
[[site]]
key = "shop"
origins = ["https://shop.example", "https://*.shop.example:8443"]
link_domains = ["shop.example", "*.partner.example"]
consent_default = "denied"
cookie_domain = ".shop.example"
retention_days = 90

[[site]]
key = "blog"
default = true
"""


def test_a_whole_file() -> None:
    shop, blog = parse_site_file(WHOLE, "sites.toml")
    assert (shop.key, shop.consent_default, shop.retention_days) == ("shop", "denied", 90)
    assert shop.origins == ["https://shop.example", "https://*.shop.example:8443"]
    assert (blog.default, blog.origins, blog.consent_default) == (True, [], None)


def test_an_empty_file_has_no_sites() -> None:
    assert parse_site_file("", "sites.toml") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[site]", "f.toml: Expected"),
        ("sites = 1", "f.toml: sites: no such table"),
        ("[site]\nkey = 'a'", "f.toml: site: each is a table of its own"),
        ("site = [1]", "f.toml: site: each is a table of its own"),
        ("[[site]]\norigins = []", "f.toml: site number 1: key: missing"),
        ("[[site]]\nkey = ''", "f.toml: site number 1: key: got ''"),
        ("[[site]]\nkey = 'a b'", "f.toml: site 'a b': key: got 'a b': a site's key has"),
        ("[[site]]\nkey = 'a'\ncolour = 1", "f.toml: site 'a': colour: no such member"),
        ("[[site]]\nkey = 'a'\nretention_days = 0", "site 'a': retention_days: got 0"),
        ("[[site]]\nkey = 'a'\nretention_days = '7'", "site 'a': retention_days: got '7'"),
        ("[[site]]\nkey = 'a'\nconsent_default = 'yes'", "site 'a': consent_default: got 'yes'"),
        ("[[site]]\nkey = 'a'\norigins = ['a.example']", "site 'a': origins.0: got 'a.example'"),
        ("[[site]]\nkey = 'a'\norigins = ['https://a/']", "site 'a': origins.0: got"),
        ("[[site]]\nkey = 'a'\norigins = ['https://A.example']", "lower case"),
        ("[[site]]\nkey = 'a'\nlink_domains = ['https://a']", "site 'a': link_domains.0: got"),
        ("[[site]]\nkey = 'a'\nlink_domains = ['*']", "site 'a': link_domains.0: got"),
        ("[[site]]\nkey = 'a'\ncookie_domain = 'a b'", "site 'a': cookie_domain: got 'a b'"),
        ("[[site]]\nkey = 'a'\n[[site]]\nkey = 'a'", "site 'a': key: there are two of it"),
        (
            "[[site]]\nkey = 'a'\ndefault = true\n[[site]]\nkey = 'b'\ndefault = true",
            "site 'b': default: 'a' is the default already",
        ),
    ],
)
def test_a_fault_is_named(text: str, problem: str) -> None:
    with pytest.raises(BadSiteFile) as caught:
        parse_site_file(text, "f.toml")
    assert problem in str(caught.value)


def test_all_faults_are_named_at_once() -> None:
    text = "[[site]]\nkey = 'a'\nretention_days = 0\ncolour = 1\n[[site]]\nkey = '?'"
    with pytest.raises(BadSiteFile) as caught:
        parse_site_file(text, "f.toml")
    assert len(str(caught.value).splitlines()) == 3


@given(st.text())
def test_any_text_is_sites_or_a_named_fault(text: str) -> None:
    with contextlib.suppress(BadSiteFile):
        parse_site_file("[[site]]\nkey = " + text, "f.toml")
