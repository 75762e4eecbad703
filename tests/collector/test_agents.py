"""What a user agent says: which are programs, and what is kept of each without consent."""

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from collector.agents import bot_kind, reduced
from tests.support.built_hits import Bench

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/128.0.6613.120 Safari/537.36 "
    "Edg/128.0.2739.67": f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/128.0.0.0 "
    "Edg/128.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A) {CHROME} Chrome/124.0.1.2 Mobile "
    "Safari/537.36": f"Mozilla/5.0 (Linux; Android 14; K) {CHROME} Chrome/124.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 "
    "like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148 [FBAN/FBIOS;FBDV/iPhone14,5;FBID/phone;FBRV/482151234]":
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile",
}  # fmt: skip
PROGRAMS = {
    "curl/8.5.0": ("http-library", "curl/8"),
    "python-requests/2.31.0": ("http-library", "python-requests/2"),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":
    ("search-engine", "Googlebot/2"),
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)": ("ai-crawler", "GPTBot/1"),
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} HeadlessChrome/128.0.0.0 Safari/537.36":
    ("browser-automation",
     f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} HeadlessChrome/128.0.0.0 Safari/537.36"),
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)":
    ("", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/11.0.0.0"),
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": ("", ""),
    "shopapp-user4711/3.2 (joe@shop.example)": ("", ""),
    "Mozilla/5.0": ("", ""),
    "": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("agent", BROWSERS)
def test_a_browser_is_no_program_and_keeps_its_first_version(agent: str) -> None:
    assert bot_kind(agent) == ""
    assert reduced(agent) == BROWSERS[agent]
    assert reduced(reduced(agent)) == reduced(agent)


@pytest.mark.parametrize("agent", PROGRAMS)
def test_a_program_is_named(agent: str) -> None:
    assert (bot_kind(agent), reduced(agent)) == PROGRAMS[agent]


def test_all_of_the_librarys_examples_are_known() -> None:
    examples = [one for entry in CRAWLER_USER_AGENTS_DATA for one in entry.get("instances", [])]
    assert len(examples) > 1000
    missed = [agent for agent in examples if not bot_kind(agent)]
    assert not [agent for agent in missed if "Proxy" not in agent]


@given(
    st.text(max_size=200)
    | st.text("Mozilla/5.0 (iPhone; OS 17_) Chrome/1 Android 4.x-", max_size=120)
)
def test_nothing_but_known_words_is_left(agent: str) -> None:
    left = reduced(agent)
    assert len(left) < 400
    # Whatever stands beside a number of four digits at most is a word of ours, or one bare name.
    assert not re.search(r"\d{7}", left.replace("14541", ""))
    assert "@" not in left
    bot_kind(agent)


def test_a_hit_is_marked_and_never_dropped() -> None:
    bench = Bench()
    for agent, (kind, short) in PROGRAMS.items():
        members = bench.pixel("", (b"User-Agent", agent.encode()))
        assert members.get("bot", "") == kind
        denied = bench.pixel("consent=denied", (b"User-Agent", agent.encode()))
        assert (denied.get("bot", ""), denied.get("user_agent", "")) == (kind, short)


@pytest.mark.parametrize(
    ("header", "purpose"),
    [
        ((b"Sec-Purpose", b"prefetch"), "prefetch"),
        ((b"Sec-Purpose", b"prefetch;anonymous-client-ip"), "prefetch"),
        ((b"Sec-Purpose", b"prefetch;prerender"), "prerender"),
        ((b"Purpose", b"prefetch"), "prefetch"),
        ((b"X-Purpose", b"preview"), "prefetch"),
        ((b"X-Moz", b"Prefetch"), "prefetch"),
        ((b"Purpose", b""), ""),
        ((b"X-Moz", b"other"), ""),
    ],
)
def test_a_request_ahead_of_the_person_is_marked(header: tuple[bytes, bytes], purpose: str) -> None:
    for consent in ("granted", "denied"):
        assert Bench().pixel(f"consent={consent}", header).get("purpose", "") == purpose
