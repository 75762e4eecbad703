"""Consent strings: what each says, that damage is no consent, and IAB's own encoders agree."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.consent_gpp import gpp_level, read_gpp
from collector.consent_tcf import Tcf, TcfRules, Vendors, level_of, read_tcf, tcf_level
from collector.consent_us import SECTIONS, read_us_section, us_privacy_level
from collector.consent_words import MalformedConsent
from tests.support.node import installed, run

RULES = TcfRules((1, 7, 8, 10), 0, False)
VENDOR = 42
NOBODY = Vendors(0, 0, ())
US_ALONE = Vendors(0, 0, ((VENDOR, VENDOR),))
# Purposes 1, 7, 8, 10 and vendors 2 to 4; the same of no purpose; both of @iabtcf/core.
NO_PURPOSE = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
TCF_STRINGS = st.one_of(
    st.text(max_size=80),
    st.text("ABCDabcd0189-_.~", max_size=120),
    st.builds(lambda cut, end: NO_PURPOSE[:cut] + end, st.integers(0, 44), st.text(max_size=9)),
)


def tcf(
    consents: set[int],
    interests: set[int] = frozenset(),  # type: ignore[assignment]
    restrictions: list[tuple[int, int, int]] | None = None,
    disclosed: Vendors | None = None,
    vendors: Vendors = US_ALONE,
) -> Tcf:
    rules = [(a, b, Vendors(0, 0, ((c, c),))) for a, b, c in restrictions or []]
    return Tcf(frozenset(consents), frozenset(interests), vendors, vendors, rules, disclosed)


ALL = {1, 7, 8, 10}
OURS = TcfRules((1, 7, 8, 10), VENDOR, False)
BY_INTEREST = TcfRules((1, 7, 8, 10), VENDOR, True)
LEVELS = {
    "all": (tcf(ALL), OURS, "granted"),
    "more than asked": (tcf(ALL | {2, 3}), OURS, "granted"),
    "not the device": (tcf(ALL - {1}), OURS, "limited"),
    "no measurement": (tcf(ALL - {8}), OURS, "denied"),
    "neither": (tcf(ALL - {1, 8}), OURS, "denied"),
    "nothing": (tcf(set()), OURS, "denied"),
    "the device alone, refused": (tcf({7}), TcfRules((1,), 0, False), "denied"),
    "another vendor": (tcf(ALL, vendors=NOBODY), OURS, "denied"),
    "another vendor, but we are none": (tcf(ALL, vendors=NOBODY), RULES, "granted"),
    "interest, not taken": (tcf({1}, ALL), OURS, "denied"),
    "interest": (tcf({1}, ALL), BY_INTEREST, "granted"),
    "never interest for the device": (tcf(set(), ALL), BY_INTEREST, "limited"),
    "forbidden": (tcf(ALL, restrictions=[(7, 0, VENDOR)]), OURS, "denied"),
    "forbidden to another": (tcf(ALL, restrictions=[(7, 0, 5)]), OURS, "granted"),
    "consent required": (tcf({1, 8, 10}, ALL, [(7, 1, VENDOR)]), BY_INTEREST, "denied"),
    "interest required": (tcf(ALL, set(), [(7, 2, VENDOR)]), BY_INTEREST, "denied"),
    "interest required and there": (tcf(ALL, ALL, [(7, 2, VENDOR)]), BY_INTEREST, "granted"),
    "told of us": (tcf(ALL, disclosed=Vendors(64, 1 << 22, ())), OURS, "granted"),
    "not told of us": (tcf(ALL, disclosed=Vendors(64, 1 << 21, ())), OURS, "denied"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_what_a_tcf_string_gives_us(name: str) -> None:
    said, rules, level = LEVELS[name]
    assert level_of(said, rules) == level


def test_when_tcf_says_nothing() -> None:
    assert tcf_level("", "", RULES) is None
    assert tcf_level("0", "", RULES) is None
    assert tcf_level("0", NO_PURPOSE, RULES) is None
    assert tcf_level("1", NO_PURPOSE, RULES) == tcf_level("", NO_PURPOSE, RULES) == "denied"


@pytest.mark.parametrize(
    ("gdpr", "text"),
    [
        ("1", ""),
        ("2", NO_PURPOSE),
        ("${GDPR}", "${GDPR_CONSENT_42}"),
        ("1", "${GDPR_CONSENT_42}"),
        ("1", NO_PURPOSE[:30]),
        ("1", NO_PURPOSE[:40] + "!"),
        ("1", "B" + NO_PURPOSE[1:]),  # version 1
        ("1", "D" + NO_PURPOSE[1:]),  # version 3
        ("1", NO_PURPOSE + "."),
        ("1", NO_PURPOSE + ".gAAA"),  # a segment of type 4
        ("1", NO_PURPOSE + ".\n"),
        ("1", " " + NO_PURPOSE),
    ],
)
def test_a_damaged_tcf_string_is_refused(gdpr: str, text: str) -> None:
    with pytest.raises(MalformedConsent):
        tcf_level(gdpr, text, RULES)


@given(TCF_STRINGS)
def test_tcf_is_read_or_refused(text: str) -> None:
    try:
        assert tcf_level("1", text, OURS) in ("granted", "limited", "denied")
    except MalformedConsent:
        assert text != NO_PURPOSE


def test_a_string_of_many_wide_ranges_takes_no_memory() -> None:
    """4,095 ranges of 65,535 vendors each: what they hold is asked, never listed."""
    ones = ("1" + f"{1:016b}" + f"{65535:016b}") * 4095
    bits = f"{2:06b}" + "0" * (146 + 48 + 13) + f"{65535:016b}" + "1" + "1" * 12 + ones
    bits += "0" * (16 + 1 + 12)
    bits += "0" * (-len(bits) % 6)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = "".join(alphabet[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))
    vendors = read_tcf(text).vendors
    assert 65535 in vendors
    assert 0 not in vendors


@pytest.mark.parametrize(
    ("text", "level"),
    [("", None), ("1---", None), ("1YNN", "granted"), ("1YYN", "denied"), ("1-Y-", "denied"),
     ("1yyn", "denied"), ("1-N-", "granted"), ("1Y-N", None)],
)  # fmt: skip
def test_us_privacy(text: str, level: str | None) -> None:
    assert us_privacy_level(text) == level


@pytest.mark.parametrize("text", ["2YNN", "1YN", "1YNNN", "1YXN", "${US_PRIVACY}", "1Y N", "yes"])
def test_a_damaged_us_privacy_string_is_refused(text: str) -> None:
    with pytest.raises(MalformedConsent):
        us_privacy_level(text)


@given(st.one_of(st.text(max_size=6), st.from_regex(r"[12][YN\-yn]{2,4}", fullmatch=True)))
def test_us_privacy_is_read_or_refused(text: str) -> None:
    try:
        assert us_privacy_level(text) in ("granted", "denied", None)
    except MalformedConsent:
        assert text


USCA_OUT, USCA_IN = "BAYAAABA", "BAoAAABA"  # sale and sharing: 1 and 2; 2 and 2
USCA = "DBABBg"  # the header of section 8 alone
GPP = {
    "opted out of sale": (f"{USCA}~{USCA_OUT}.QA", "8", "denied"),
    "did not opt out": (f"{USCA}~{USCA_IN}.QA", "8", "granted"),
    "did not opt out, but GPC": (f"{USCA}~{USCA_IN}.YA", "8", "denied"),
    "all sections count": (f"{USCA}~{USCA_OUT}", "", "denied"),
    "no law applies": (f"{USCA}~{USCA_OUT}", "-1", None),
    "no string and no law": ("", "0", None),
    "no sections": ("DBAA", "", None),
    "us_privacy, a range": ("DBABzYA~1YYN~CAAgAAAAAABA.QA~BAgAAABA.QA", "6", "denied"),
}


@pytest.mark.parametrize("name", GPP)
def test_what_a_gpp_string_gives_us(name: str) -> None:
    text, section_ids, level = GPP[name]
    assert gpp_level(text, section_ids, RULES) == level


@pytest.mark.parametrize(
    ("text", "section_ids"),
    [
        ("", "7"),
        (f"{USCA}~{USCA_IN}", "7"),  # the section that holds is not there
        (f"{USCA}~{USCA_IN}", "8;7"),
        (f"{USCA}~{USCA_IN}", "${GPP_SID}"),
        (f"{USCA}~{USCA_IN}~{USCA_IN}", "8"),
        (USCA, "8"),
        (f"{USCA}~", "8"),
        (f"{USCA}~BA", "8"),
        (f"{USCA}~BA8AAABA", "8"),  # an opt-out of 3
        (f"{USCA}~{USCA_IN}.!", "8"),
        ("${GPP_STRING_42}", "8"),
        ("DBA", "8"),
        ("DBABAAAA" + "A" * 60, ""),  # a number that does not end
        ("DBABDA~BQuNZP_QuNZP_ADAAAENAACAAAAAAAAAAAAAAAAAAA.YAAAAAAAAAA", "5"),  # Canada's
    ],
)
def test_a_damaged_gpp_string_is_refused(text: str, section_ids: str) -> None:
    with pytest.raises(MalformedConsent):
        gpp_level(text, section_ids, RULES)


@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"DBA[A-Za-z0-9_-]{1,9}(~[A-Za-z0-9_.-]{1,12}){0,4}", fullmatch=True),
    ),
    st.one_of(
        st.text(max_size=8), st.from_regex(r"-?[0-9]{1,2}([,_.][0-9]{1,2})*", fullmatch=True)
    ),
)
def test_gpp_is_read_or_refused(text: str, section_ids: str) -> None:
    try:
        assert gpp_level(text, section_ids, OURS) in ("granted", "limited", "denied", None)
    except MalformedConsent:
        assert text or section_ids


def encoded(which: str, count: int) -> list[dict[str, Any]]:
    """Return strings of IAB's encoders, with what they say."""
    printed = run(installed(), "node", "consent_encoders.mjs", which, str(count), "1")
    return [json.loads(line) for line in printed.splitlines()]


def listed(vendors: Vendors | None) -> set[int]:
    if vendors is None:
        return set()
    field = enumerate(f"{vendors.bits:0{vendors.size}b}", 1)
    ranges = (range(first, last + 1) for first, last in vendors.ranges)
    return {id for id, bit in field if bit == "1"}.union(*ranges)


@pytest.mark.node
@pytest.mark.slow
def test_10000_tcf_strings_of_the_official_encoder_say_the_same() -> None:
    cases = encoded("tcf", 10_000)
    assert len(cases) == 10_000
    for case in cases:
        said = read_tcf(case["text"])
        assert said.purposes == set(case["purposes"]), case["text"]
        assert said.purposes_by_interest == set(case["purposes_by_interest"]), case["text"]
        assert listed(said.vendors) == set(case["vendors"]), case["text"]
        assert listed(said.vendors_by_interest) == set(case["vendors_by_interest"]), case["text"]
        assert listed(said.disclosed) == set(case["disclosed"]), case["text"]
        rules = {
            (a, b, vendor) for a, b, vendors in said.restrictions for vendor in listed(vendors)
        }
        assert rules == {tuple(rule) for rule in case["restrictions"]}, case["text"]


@pytest.mark.node
def test_gpp_strings_of_the_official_encoder_say_the_same() -> None:
    numbers = {section.name: number for number, section in SECTIONS.items()}
    seen = set()
    for case in encoded("gpp", 1000):
        sections = read_gpp(case["text"])
        assert sorted(sections) == sorted(case["ids"]), case["text"]
        for name, choices in case["sections"].items():
            seen.add(name)
            said = read_us_section(numbers[name], sections[numbers[name]])
            assert list(said.opt_outs) == choices["opt_outs"], (name, case["text"])
            assert said.gpc == choices["gpc"], (name, case["text"])
        if case["purposes"] is not None:
            assert read_tcf(sections[2]).purposes == set(case["purposes"]), case["text"]
        if case["sale"] is not None:
            level = {"Y": "denied", "N": "granted"}.get(case["sale"])
            assert us_privacy_level(sections[6]) == level
    assert seen == set(numbers)
