"""Consent: what decides, in which order, and what each level allows to be kept.

The order: the opt-out cookie, Global Privacy Control (`Sec-GPC: 1`), the `consent` parameter, TCF
(`gdpr`, `gdpr_consent`), GPP (`gpp`, `gpp_sid`), `us_privacy`, DNT if the settings say so, the
site's default. The first that says something decides; what can't be read is no consent. What is not
allowed is not written at all: `allowed` is the only place that says what that is, and
docs/consent.md shows its table. Pure; a string that comes again is not read again.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, Literal, NamedTuple, TypeAlias

from collector.consent_gpp import gpp_level
from collector.consent_tcf import TcfRules, tcf_level
from collector.consent_us import us_privacy_level
from collector.consent_words import DENIED, GRANTED, LEVELS, LIMITED, Level, MalformedConsent
from collector.settings import CollectorSettings

# The request parameters that say something of consent, in the order that they count.
PARAMETERS: Final = ("consent", "gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy")
# A site has one text per visitor who consented, mostly the same few; a kilobyte each.
STRINGS_CACHED: Final = 2048

_WORDS: Final[Mapping[str, Level]] = {
    **{level: level for level in LEVELS},
    **dict.fromkeys(("1", "true", "yes"), GRANTED),
    **dict.fromkeys(("0", "false", "no"), DENIED),
}


class Allowance(NamedTuple):
    """What may be kept. The names are the rows of the table in docs/consent.md."""

    ip: Literal["whole", "cut", "none"]
    # A visitor cookie is read and set, and the id in it and its visit are kept.
    cookie: bool
    # An id of the day, if the settings have no cookie.
    daily_id: bool
    # The site's ids of the person: user, email recipient, hashed email address and phone number.
    person: bool
    user_agent: Literal["whole", "reduced"]
    client_hints: bool
    # Queries and fragments of the page, the page before and the link.
    query: bool


ALLOWED: Final[Mapping[Level, Allowance]] = {
    GRANTED: Allowance("whole", True, True, True, "whole", True, True),
    LIMITED: Allowance("cut", False, True, False, "whole", False, True),
    DENIED: Allowance("cut", False, False, False, "reduced", False, False),
}


def allowed(level: Level, *, anonymous: bool = False) -> Allowance:
    """Return what a level allows. A request that asks to be anonymous has no address and no id."""
    allowance = ALLOWED[level]
    if anonymous:
        return allowance._replace(ip="none", cookie=False, daily_id=False)
    return allowance


class Decision(NamedTuple):
    """The level of consent, and what decided it."""

    consent: Level
    source: str


# What a request's parameters decide (None: nothing), and what is wrong with them.
Said: TypeAlias = tuple[Decision | None, tuple[str, ...]]


class ConsentReader:
    """Decides by one collector's settings."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._tcf = TcfRules(
            settings.tcf_purposes, settings.tcf_vendor_id, settings.tcf_legitimate_interest
        )
        self._dnt = settings.consent_dnt
        self._said = lru_cache(maxsize=STRINGS_CACHED)(self._read)

    def of_headers(self, *, opted_out: bool, gpc: bool) -> Decision | None:
        """Return what headers decide whatever the parameters say; None if nothing."""
        if opted_out:
            return Decision(DENIED, "optout")
        if gpc:
            return Decision(DENIED, "gpc")
        return None

    def of_do_not_track(self, value: bytes | None) -> Decision | None:
        """Return what the DNT header decides if no parameter does; None if nothing."""
        if self._dnt and value is not None and value.strip() == b"1":
            return Decision(DENIED, "dnt")
        return None

    def of_parameters(self, words: Mapping[str, str]) -> Said:
        """Return what the parameters say; `words` has those of `PARAMETERS` that were sent."""
        return self._said(*[words.get(name, "") for name in PARAMETERS])

    def _read(
        self, consent: str, gdpr: str, gdpr_consent: str, gpp: str, gpp_sid: str, us_privacy: str
    ) -> Said:
        readers: tuple[tuple[str, str, Callable[[], Level | None]], ...] = (
            ("parameter", "consent", partial(_word_level, consent)),
            ("tcf", "gdpr_consent", partial(tcf_level, gdpr, gdpr_consent, self._tcf)),
            ("gpp", "gpp", partial(gpp_level, gpp, gpp_sid, self._tcf)),
            ("us_privacy", "us_privacy", partial(us_privacy_level, us_privacy)),
        )
        for source, parameter, level_of in readers:
            try:
                level = level_of()
            except MalformedConsent as error:
                return Decision(DENIED, source), (f"{parameter}: {error}, taken as denied",)
            if level is not None:
                return Decision(level, source), ()
        return None, ()


def _word_level(word: str) -> Level | None:
    if not word:
        return None
    level = _WORDS.get(word.lower())
    if level is None:
        raise MalformedConsent("not a known word")
    return level
