"""Every kind of snippet says where hits go, and stays what it is whatever is put into it."""

import json
import re
import shlex
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from collector.routes import events
from collector.snippet_kinds import EVENTS_PATH, KINDS, Event, Place, all_snippets, snippet

SHOP = Place("https://pixel.example", "shop")
HOSTILE = "</script><script>alert(1)</script>'\"&"


def images(text: str) -> list[dict[str, str]]:
    """Return the parameters of the pixels in a snippet."""
    urls = map(unescape, re.findall(r'<img src="([^"]+)"', text))
    return [{k: v[0] for k, v in parse_qs(urlsplit(url).query).items()} for url in urls]


def test_each_kind_names_collector_and_site() -> None:
    assert [made.kind for made in all_snippets(SHOP)] == list(KINDS)
    for made in all_snippets(SHOP):
        assert made.title
        assert made.about
        if "hg(" not in made.text:
            assert "https://pixel.example/" in made.text
            assert "shop" in made.text


def test_conversion_is_the_same_event_with_and_without_scripts() -> None:
    text = snippet("conversion", SHOP, Event("Signup", "5", "USD")).text
    assert 'hg("track", "Signup", {value: 5.0, currency: "USD", eid: "ORDER"});' in text
    assert images(text) == [{"e": "Signup", "site": "shop", "v": "5", "c": "USD", "eid": "ORDER"}]


def test_no_image_without_consent() -> None:
    place = Place("https://pixel.example", "shop", consent="required")
    for kind in ("tag", "conversion", "retargeting"):
        assert images(snippet(kind, place).text) == []
        assert images(snippet(kind, SHOP).text)


def test_email_tells_no_mailbox() -> None:
    text = snippet("email", SHOP).text
    assert 'referrerpolicy="no-referrer"' in text
    assert images(text) == [
        {"e": "Open", "site": "shop", "cid": "CAMPAIGN", "mid": "MESSAGE", "rid": "RECIPIENT"}
    ]


def test_server_sends_json_with_a_key() -> None:
    words = shlex.split(snippet("server", SHOP).text.replace("\\\n", ""))
    assert words[:2] == ["curl", "https://pixel.example/v1/events"]
    assert EVENTS_PATH == events.PATH
    assert "Authorization: Bearer KEY" in words
    assert json.loads(words[-1]) == [
        {"e": "Purchase", "site": "shop", "eid": "ORDER", "v": 49.99, "c": "EUR"}
    ]


def test_paths_are_the_operators() -> None:
    place = Place("https://p.example", "s", "/x.gif", "/y", "/z.js")
    texts = {made.kind: made.text for made in all_snippets(place)}
    assert "https://p.example/z.js" in texts["tag"]
    assert "https://p.example/x.gif?" in texts["image"]
    assert '"https://p.example/y"' in texts["beacon"]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_values_end_no_element_and_no_word(kind: str) -> None:
    place = Place("https://pixel.example", HOSTILE, "/" + HOSTILE, "/" + HOSTILE, "/" + HOSTILE)
    text = snippet(kind, place, Event(HOSTILE, HOSTILE, HOSTILE)).text
    if text.startswith("curl "):
        words = shlex.split(text.replace("\\\n", ""))
        assert words[0] == "curl"
        assert len(words) <= 8
    else:
        assert text.count("<script") == text.count("</script>") <= 2
