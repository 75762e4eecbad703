"""Snippets stay what they are, whatever an operator chose for paths and keys."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.snippets import image_snippet, tag_snippet

HOSTILE = "</script><script>alert(1)</script>&'\"\u2028"


class Elements(HTMLParser):
    """The elements of a text as a browser sees them, and the texts inside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_tag_as_the_docs_show_it() -> None:
    assert tag_snippet("https://pixel.example", "shop") == (
        "<script>\n"
        "  window.hg = window.hg || function () { (hg.q = hg.q || []).push(arguments); };\n"
        '  hg("init", "shop");\n'
        "</script>\n"
        '<script async src="https://pixel.example/px.js"></script>\n'
        '<noscript><img src="https://pixel.example/p.gif?e=PageView&amp;site=shop"\n'
        '     referrerpolicy="no-referrer-when-downgrade" width="1" height="1" alt=""></noscript>'
    )


def test_where_consent_is_required_no_image_asks_without_it() -> None:
    text = tag_snippet("https://pixel.example", "shop", consent="required")
    assert 'hg("init", "shop", {consent: "required"});' in text
    assert "<img" not in text


def test_nonce_is_on_both_scripts() -> None:
    scripts = [
        attributes
        for name, attributes in Elements(tag_snippet("https://p.example", "s", nonce='a"b')).found
        if name == "script"
    ]
    assert [script["nonce"] for script in scripts] == ['a"b', 'a"b']


@given(st.one_of(st.just(HOSTILE), st.text(st.characters(codec="utf-8"))))
def test_no_value_ends_its_place(value: str) -> None:
    elements = Elements(tag_snippet("https://p.example", value, tag_path="/" + value))
    assert [name for name, _ in elements.found] == ["script", "script", "noscript", "img"]
    call = next(text for text in elements.texts if "init" in text)
    literal = call[call.index('hg("init", ') + 11 : call.rindex(");")]
    assert json.loads(literal) == value


@pytest.mark.parametrize("url", ["https://p.example/p.gif?a=1&b=2", f"https://p.example/{HOSTILE}"])
def test_image_has_its_address(url: str) -> None:
    ((name, attributes),) = Elements(image_snippet(url)).found
    assert (name, attributes["src"]) == ("img", url)


def test_the_page_of_the_tag_shows_it() -> None:
    page = (Path(__file__).parents[2] / "docs/tag.md").read_text()
    assert f"```html\n{tag_snippet('https://pixel.example', 'shop')}\n```" in page
