"""TCF v2 strings (IAB Europe, Transparency and Consent Framework): what one consents to.

Reads the core of a string and the vendors disclosed; the other segments are for others. The PyPI
library is not used: `iab-tcf` was last released in 2022 and takes other versions and strings with
damage for good ones. Ours is checked against IAB's own `@iabtcf/core` (tests/node). Pure.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from collector.consent_words import DENIED, GRANTED, LIMITED, Bits, Level, MalformedConsent

STORE_ON_DEVICE: Final = 1
# Purposes that may never rest on a legitimate interest (TCF policies, appendix A).
_CONSENT_ONLY: Final = frozenset((1, 3, 4, 5, 6))
_VERSION: Final = 2
_PURPOSES: Final = 24
_DISCLOSED: Final = 1
_SEGMENT_TYPES: Final = 4
# From the version to the features: times, CMP, screen, language, list, policy, two flags, opt-ins.
_BEFORE_PURPOSES_BITS: Final = 36 + 36 + 12 + 12 + 6 + 12 + 12 + 6 + 1 + 1 + 12
_FORBIDDEN, _CONSENT_REQUIRED, _INTEREST_REQUIRED = 0, 1, 2


class TcfRules(NamedTuple):
    """What a string must say for us. `vendor_id` 0: we are no vendor, purposes alone count."""

    purposes: Sequence[int]
    vendor_id: int
    legitimate_interest: bool


class Vendors(NamedTuple):
    """A set of vendors' ids: a field of bits, the first of which is vendor 1, or ranges."""

    size: int
    bits: int
    ranges: Sequence[tuple[int, int]]

    def __contains__(self, vendor: object) -> bool:
        """Tell whether a vendor is in the set."""
        assert isinstance(vendor, int)
        if any(first <= vendor <= last for first, last in self.ranges):
            return True
        return 0 < vendor <= self.size and bool(self.bits >> (self.size - vendor) & 1)


class Tcf(NamedTuple):
    """What a string says."""

    purposes: frozenset[int]
    purposes_by_interest: frozenset[int]
    vendors: Vendors
    vendors_by_interest: Vendors
    # The publisher's: purpose, kind of restriction, vendors.
    restrictions: Sequence[tuple[int, int, Vendors]]
    # The vendors that the person was told of; None: the string does not say.
    disclosed: Vendors | None


def tcf_level(gdpr: str, text: str, rules: TcfRules) -> Level | None:
    """Return the level that `gdpr` and `gdpr_consent` say; None if they say nothing.

    Raises MalformedConsent. Without `gdpr` a string counts: nobody makes one for nothing.
    """
    if gdpr == "0" or not (gdpr or text):
        return None
    if gdpr not in ("", "1"):
        raise MalformedConsent("gdpr is neither 0 nor 1")
    if not text:
        raise MalformedConsent("missing")
    return level_of(read_tcf(text), rules)


def level_of(tcf: Tcf, rules: TcfRules) -> Level:
    """Return the level that a string gives us: all purposes, all but the device, or none."""
    refused = {purpose for purpose in rules.purposes if not _may(tcf, purpose, rules)}
    if not refused:
        return GRANTED
    return LIMITED if refused == {STORE_ON_DEVICE} and len(rules.purposes) > 1 else DENIED


def _may(tcf: Tcf, purpose: int, rules: TcfRules) -> bool:
    vendor = rules.vendor_id
    if vendor and tcf.disclosed is not None and vendor not in tcf.disclosed:
        return False
    kinds = {
        kind
        for restricted, kind, vendors in tcf.restrictions
        if vendor and restricted == purpose and vendor in vendors
    }
    if _FORBIDDEN in kinds:
        return False
    consents = purpose in tcf.purposes and (not vendor or vendor in tcf.vendors)
    if consents and _INTEREST_REQUIRED not in kinds:
        return True
    if not rules.legitimate_interest or purpose in _CONSENT_ONLY or _CONSENT_REQUIRED in kinds:
        return False
    by_interest = purpose in tcf.purposes_by_interest
    return by_interest and (not vendor or vendor in tcf.vendors_by_interest)


def read_tcf(text: str) -> Tcf:
    """Read a string; raises MalformedConsent unless it is one of version 2, whole."""
    core, *segments = text.split(".")
    bits = Bits(core)
    if bits.take(6) != _VERSION:
        raise MalformedConsent("not TCF version 2")
    bits.take(_BEFORE_PURPOSES_BITS)
    purposes = _numbered(bits.take(_PURPOSES))
    by_interest = _numbered(bits.take(_PURPOSES))
    bits.take(1 + 12)  # the treatment of purpose 1, the publisher's country
    vendors, vendors_by_interest = _vendors(bits), _vendors(bits)
    restrictions = [
        (bits.take(6), bits.take(2), Vendors(0, 0, _ranges(bits))) for _ in range(bits.take(12))
    ]
    disclosed = None
    for segment in segments:
        segment_bits = Bits(segment)
        kind = segment_bits.take(3)
        if kind == _DISCLOSED:
            disclosed = _vendors(segment_bits)
        elif not 0 < kind < _SEGMENT_TYPES:
            raise MalformedConsent("a segment of an unknown type")
    return Tcf(purposes, by_interest, vendors, vendors_by_interest, restrictions, disclosed)


def _numbered(field: int) -> frozenset[int]:
    return frozenset(
        number for number in range(1, _PURPOSES + 1) if field >> (_PURPOSES - number) & 1
    )


def _vendors(bits: Bits) -> Vendors:
    size = bits.take(16)
    if bits.take(1):
        return Vendors(0, 0, _ranges(bits))
    return Vendors(size, bits.take(size), ())


def _ranges(bits: Bits) -> Sequence[tuple[int, int]]:
    ranges = []
    for _ in range(bits.take(12)):
        is_range = bits.take(1)
        first = bits.take(16)
        last = bits.take(16) if is_range else first
        if not 0 < first <= last:
            raise MalformedConsent("a range of vendors that is none")
        ranges.append((first, last))
    return ranges
