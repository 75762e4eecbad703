"""GPP strings (IAB Tech Lab, Global Privacy Platform): a header and one section for each law.

`gpp_sid` says which sections hold for the visitor; without it all that are there do. The strictest
decides. Section 2 is a TCF string, 6 a `us_privacy` string, from 7 on states of the US; for
another that holds (Canada's) there is no consent, since nobody here can read it. No library for
Python is kept; ours is checked against IAB's own `@iabgpp/cmpapi` (tests/node). Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

from collector.consent_tcf import TcfRules, tcf_level
from collector.consent_us import SECTIONS, us_privacy_level, us_section_level
from collector.consent_words import LEVELS, Bits, Level, MalformedConsent

_TCF_EU: Final = 2
_US_PRIVACY: Final = 6
_TYPE, _VERSION = 3, 1
_IDS = re.compile(r"-?\d{1,4}(?:[,_.]-?\d{1,4})*")
# "No law applies", "nobody knows", as OpenRTB's `regs.gpp_sid` has them.
_NO_SECTION: Final = frozenset((-1, 0))
# Ids of sections have two digits; this is far beyond.
_FIBONACCI_BITS_MAX: Final = 32


def gpp_level(text: str, section_ids: str, rules: TcfRules) -> Level | None:
    """Return the level that `gpp` and `gpp_sid` say; None if no law applies."""
    wanted = _wanted(section_ids)
    if wanted == () or (wanted is None and not text):
        return None
    if not text:
        raise MalformedConsent("missing")
    sections = read_gpp(text)
    levels: list[Level] = []
    for number in sections if wanted is None else wanted:
        if number not in sections:
            raise MalformedConsent(f"section {number} is missing")
        level = _section_level(number, sections[number], rules)
        if level is not None:
            levels.append(level)
    return min(levels, key=LEVELS.index, default=None)


def _wanted(section_ids: str) -> tuple[int, ...] | None:
    """Return the ids that hold; None if all do, none at all if no law applies."""
    if not section_ids:
        return None
    if not _IDS.fullmatch(section_ids):
        raise MalformedConsent("gpp_sid is no list of numbers")
    numbers = [int(number) for number in re.split("[,_.]", section_ids)]
    return tuple(number for number in numbers if number not in _NO_SECTION)


def _section_level(number: int, text: str, rules: TcfRules) -> Level | None:
    if number == _TCF_EU:
        return tcf_level("1", text, rules)
    if number == _US_PRIVACY:
        return us_privacy_level(text)
    if number in SECTIONS:
        return us_section_level(number, text)
    raise MalformedConsent(f"section {number} is not understood")


def read_gpp(text: str) -> Mapping[int, str]:
    """Return the sections of a string by their ids; raises MalformedConsent."""
    header, *sections = text.split("~")
    bits = Bits(header)
    if (bits.take(6), bits.take(6)) != (_TYPE, _VERSION):
        raise MalformedConsent("not GPP version 1")
    numbers: list[int] = []
    last = 0
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        first = last + _fibonacci(bits)
        last = first + _fibonacci(bits) if is_range else first
        # A range may name more than there can be: no text is that long.
        numbers += range(first, min(last, first + len(sections)) + 1)
        if len(numbers) > len(sections):
            break
    if len(numbers) != len(sections):
        raise MalformedConsent("header and sections do not agree")
    return dict(zip(numbers, sections, strict=True))


def _fibonacci(bits: Bits) -> int:
    """Return the next number in Fibonacci coding, which ends with two ones."""
    number, value, next_value, before = 0, 1, 2, 0
    for _ in range(_FIBONACCI_BITS_MAX):
        bit = bits.take(1)
        if bit and before:
            return number
        number += value * bit
        value, next_value, before = next_value, value + next_value, bit
    raise MalformedConsent("a section's id is too large")
