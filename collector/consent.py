"""Consent, the first rule: what decides, in which order, and the word for it.

An opt-out cookie, then Global Privacy Control (`Sec-GPC: 1`), then the `consent` parameter, then
the default. What is not allowed is not written at all. Pure functions.
"""

from typing import Final, NamedTuple

GRANTED: Final = frozenset(("granted", "1", "true", "yes"))
DENIED: Final = frozenset(("denied", "0", "false", "no"))


class Decision(NamedTuple):
    """Whether personal data may be kept, and what decided it."""

    consent: str
    source: str

    @property
    def granted(self) -> bool:
        """Tell whether personal data may be kept."""
        return self.consent == "granted"


def headers_decision(*, opted_out: bool, gpc: bool) -> Decision | None:
    """Return what the request's headers decide; None if they leave it to the parameter."""
    if opted_out:
        return Decision("denied", "optout")
    if gpc:
        return Decision("denied", "gpc")
    return None


def parameter_decision(word: str) -> Decision | None:
    """Return what the `consent` parameter decides; None for a word that is not known."""
    word = word.lower()
    if word in GRANTED:
        return Decision("granted", "parameter")
    if word in DENIED:
        return Decision("denied", "parameter")
    return None
