"""Opt-outs of the United States: the `us_privacy` string, and the sections of GPP that states have.

An opt-out of sale, of sharing or of targeted advertising is no consent, as Global Privacy Control
is none: both say the same. Where the person did not opt out, these laws allow. The layouts are
those of IAB's own encoder, against which tests/node checks them. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from collector.consent_words import DENIED, GRANTED, Bits, Level, MalformedConsent

_OPTED_OUT, _VALUE_MAX = 1, 2
_GPC_SEGMENT: Final = 1
# Whether the person opted out of the sale of data; "-" is where the law does not apply.
_SALE: Final[Mapping[str, Level | None]] = {"Y": DENIED, "N": GRANTED, "-": None}
_VERSION_BITS: Final = 6


class Section(NamedTuple):
    """A state's section: its name, and how many fields of two bits stand before which opt-outs."""

    name: str
    before: int
    opt_outs: int = 2


# By the id of the section in GPP. California counts sale and sharing; the nation all three.
SECTIONS: Final[Mapping[int, Section]] = {
    7: Section("usnat", 6, 3),
    8: Section("usca", 3),
    9: Section("usva", 3),
    10: Section("usco", 3),
    11: Section("usut", 4),
    12: Section("usct", 3),
    13: Section("usfl", 3),
    14: Section("usmt", 3),
    15: Section("usor", 3),
    16: Section("ustx", 3),
    17: Section("usde", 3),
    18: Section("usia", 4),
    19: Section("usne", 3),
    20: Section("usnh", 3),
    21: Section("usnj", 3),
    22: Section("ustn", 3),
    23: Section("usmn", 3),
    24: Section("usmd", 5),
    25: Section("usin", 5),
    26: Section("usky", 5),
    27: Section("usri", 5),
}
# Sections whose segments of type 1 are something else than Global Privacy Control.
_WITHOUT_GPC: Final = frozenset((9, 11, 13, 25, 26, 27))


def us_privacy_level(text: str) -> Level | None:
    """Return the level of a `us_privacy` string: version, notice, opt-out of sale, agreement."""
    if not text:
        return None
    letters = text.upper()
    if len(letters) != 4 or letters[0] != "1" or not set(letters[1:]) <= set("YN-"):
        raise MalformedConsent("not a version 1 string of four characters")
    return _SALE[letters[2]]


class UsChoices(NamedTuple):
    """What a section says: the opt-outs in their order (0 does not apply, 1 yes, 2 no), GPC."""

    opt_outs: Sequence[int]
    gpc: bool


def us_section_level(number: int, text: str) -> Level:
    """Return the level of a state's section of GPP; raises MalformedConsent."""
    choices = read_us_section(number, text)
    return DENIED if choices.gpc or _OPTED_OUT in choices.opt_outs else GRANTED


def read_us_section(number: int, text: str) -> UsChoices:
    """Read a state's section; raises MalformedConsent."""
    section = SECTIONS[number]
    core, *segments = text.split(".")
    bits = Bits(core)
    if not bits.take(_VERSION_BITS):
        raise MalformedConsent(f"{section.name} has no version")
    bits.take(2 * section.before)
    opt_outs = [bits.take(2) for _ in range(section.opt_outs)]
    if max(opt_outs) > _VALUE_MAX:
        raise MalformedConsent(f"{section.name} has an opt-out that is neither yes nor no")
    gpc = False
    for segment in segments:
        segment_bits = Bits(segment)
        if segment_bits.take(2) == _GPC_SEGMENT and number not in _WITHOUT_GPC:
            gpc = gpc or bool(segment_bits.take(1))
    return UsChoices(opt_outs, gpc)
