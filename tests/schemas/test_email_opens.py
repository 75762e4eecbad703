"""Who opened a mail: agents as they are sent, the order of the rules, the page that shows them."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.email_opens import RULES, RULES_VERSION, Opening, classify

PAGE = (Path(__file__).parents[2] / "docs/email.md").read_text()
# What the rules of each version say; a new version gets a new line.
DIGESTS = {1: "f520b309c1d4"}

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148"
)
GMAIL_PROXY = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/8.0; .NET4.0C; .NET4.0E; "
    "Microsoft Outlook 16.0.6366; ms-office; MSOffice 16)"
)
AGENTS = {
    "Barracuda Sentinel (EE)": ("machine", "barracuda"),
    "Proofpoint URL Defense": ("machine", "proofpoint"),
    "Mimecast-Link-Protect": ("machine", "mimecast"),
    "Mozilla/5.0 (Windows NT 10.0) Microsoft Office Existence Discovery": (
        "machine",
        "safe-links",
    ),
    "Mozilla/5.0 TrendMicro": ("machine", "scanner"),
    GMAIL_PREFETCH: ("machine", "gmail-prefetch"),
    "Mozilla/5.0": ("machine", "apple-mpp"),
    GMAIL_PROXY: ("human", "gmail-proxy"),
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": (
        "unknown",
        "yahoo-proxy",
    ),
    "SomeImageProxy/1.0": ("unknown", "image-proxy"),
    OUTLOOK: ("human", "outlook"),
    "Outlook-iOS/709.2189947.prod.iphone (3.24.0)": ("human", "outlook"),
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)": ("unknown", "office"),
    "": ("unknown", "no-agent"),
    " ": ("unknown", "no-agent"),
    IPHONE: ("human", "mail-program"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.2.0": (
        "human",
        "mail-program",
    ),
    # A longer one than Gmail's is somebody else's.
    GMAIL_PREFETCH.removesuffix(" Mozilla/5.0"): ("human", "mail-program"),
    "something else": ("unknown", "other"),
}


@pytest.mark.parametrize(("agent", "expected"), AGENTS.items())
def test_agent_decides(agent: str, expected: tuple[str, str]) -> None:
    assert classify(Opening(agent, "203.0.113.9")) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("209.222.80.0", "barracuda-network"),
        ("209.222.87.255", "barracuda-network"),
        ("209.222.88.0", "mail-program"),
        ("67.231.150.1", "proofpoint-network"),
        ("208.86.203.255", "proofpoint-network"),
        ("2001:db8::1", "mail-program"),
        ("", "mail-program"),
        ("nonsense", "mail-program"),
    ],
)
def test_network_decides_whatever_the_agent_says(address: str, expected: str) -> None:
    assert classify(Opening(IPHONE, address))[1] == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "too-soon"),
        (4.999, "too-soon"),
        (5.0, "mail-program"),
        (3600.0, "mail-program"),
        (-1.0, "mail-program"),
        (None, "mail-program"),
    ],
)
def test_nobody_opens_within_seconds(seconds: float | None, expected: str) -> None:
    assert classify(Opening(IPHONE, "203.0.113.9", seconds=seconds))[1] == expected


def test_proxy_that_asks_at_once_was_not_asked_by_a_person() -> None:
    assert classify(Opening(GMAIL_PROXY, "", seconds=1.0)) == ("machine", "too-soon")


def test_browser_that_asks_ahead_is_no_person() -> None:
    assert classify(Opening(IPHONE, "", asks_ahead=True)) == ("machine", "prefetch")


def test_known_program_is_a_machine_unless_it_is_a_mail_proxy() -> None:
    assert classify(Opening("curl/8.1", "", is_program=True)) == ("machine", "program")
    assert classify(Opening(GMAIL_PROXY, "", is_program=True)) == ("human", "gmail-proxy")


@given(st.text(), st.text(), st.booleans(), st.booleans(), st.floats() | st.none())
def test_everything_is_classified(
    agent: str, address: str, asks_ahead: bool, is_program: bool, seconds: float | None
) -> None:
    opened_by, name = classify(Opening(agent, address, asks_ahead, is_program, seconds))
    assert (name, opened_by) in {(rule.name, rule.opened_by) for rule in RULES}


def test_each_rule_has_a_name_of_its_own_and_a_source() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.source == "our own reading" or rule.source.startswith("https://")


def test_table_changes_with_its_version() -> None:
    text = "\n".join(f"{rule.name} {rule.opened_by} {rule.sign}" for rule in RULES)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert digest == DIGESTS[RULES_VERSION], "a new RULES_VERSION, and its digest here"


def test_page_shows_the_table() -> None:
    for rule in RULES:
        source = rule.source if rule.source == "our own reading" else f"[source]({rule.source})"
        row = f"| `{rule.name}` | {rule.opened_by} | {rule.sign} | {rule.why} {source} |"
        assert row in PAGE
    assert f"Version {RULES_VERSION} of the table" in PAGE
