"""Who is who in the demo: a visitor is a site, a day and a number; all else follows from these.

So visitors need no memory, however many there are, and come back the same in every run with the
same seed. Pure.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from collector.agents import bot_kind, reduced
from collector.client_address import whole_and_cut
from collector.consent import allowed
from deploy.demo.world import AGENTS, CONSENTS, LANGUAGES, SLOTS, Agent
from schemas.hit import encode_tail

_BITS_64: Final = (1 << 64) - 1
_LANGUAGE_NUMBER: Final = {name: at for at, name in enumerate(dict.fromkeys(LANGUAGES))}


class Visitor(NamedTuple):
    """What is the same at each visit."""

    id: str
    consent: str
    consent_source: str
    agent: Agent
    language: str
    address: str
    # The site's id of the person; empty for who never signed in.
    user_id: str


class Visit(NamedTuple):
    """What all hits of a visit share: members that consent allows, and the same as a line's end."""

    members: dict[str, Any]
    tail: bytes
    has_query: bool
    has_person: bool
    visitor: Visitor


def mixed(*numbers: int) -> int:
    """Return 64 bits that look random and depend on all of the numbers (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _BITS_64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _BITS_64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _BITS_64
        state ^= state >> 31
    return state


def uuid_text(high: int, low: int, version: int) -> str:
    """Return 128 bits as a UUID of a version (RFC 9562)."""
    text = f"{high:016x}{low:016x}"
    variant = "89ab"[low >> 60 & 3]
    return f"{text[:8]}-{text[8:12]}-{version}{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def visitor(seed: int, site: int, day: int, number: int) -> Visitor:
    """Return the visitor of this number among those who first came to a site on a day."""
    bits = mixed(seed, site, day, number)
    more = mixed(bits)
    consent, consent_source = CONSENTS[bits % SLOTS]
    language = LANGUAGES[(bits >> 10) % SLOTS]
    agent = AGENTS[(bits >> 20) % SLOTS]
    part = _LANGUAGE_NUMBER[language] << 12 | more >> 52
    if more & 7 < 3:
        address = f"2001:db8:{part >> 8:x}:{part & 255:x}{more >> 40 & 255:02x}::{bits >> 48:x}"
    else:
        address = f"198.{18 + (part >> 16)}.{part >> 8 & 255}.{part & 255}"
    user_id = f"u{bits % 10**9}" if number < 50 or bits >> 40 & 3 == 0 else ""
    return Visitor(
        uuid_text(bits, more, 4), consent, consent_source, agent, language, address, user_id
    )


def visit_of(who: Visitor, session_id: str) -> Visit:
    """Return what the visit's hits share, by the collector's own rules of consent."""
    allowance = allowed(who.consent)  # type: ignore[arg-type]
    members: dict[str, Any] = {}
    if allowance.cookie:
        members["visitor_id"] = who.id
        members["visitor_kind"] = "cookie"
        members["session_id"] = session_id
    if allowance.person and who.user_id:
        members["user_id"] = who.user_id
    members["ip"] = who.address if allowance.ip == "whole" else whole_and_cut(who.address)[1]
    text, kind = agent_of(who.agent.text, allowance.user_agent == "reduced")
    members["user_agent"] = text
    members["language"] = who.language
    if allowance.client_hints and who.agent.hints:
        members["client_hints"] = who.agent.hints
    if kind:
        members["bot"] = kind
    members["consent"] = who.consent
    members["consent_source"] = who.consent_source
    return Visit(members, encode_tail(members), allowance.query, allowance.person, who)


@lru_cache(maxsize=256)
def agent_of(text: str, is_reduced: bool) -> tuple[str, str]:
    """Return what is kept of a user agent, and the kind of bot it is."""
    return (reduced(text) if is_reduced else text), bot_kind(text)
