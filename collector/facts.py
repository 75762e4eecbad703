"""What a request's header block says, derived once and kept while a connection repeats it.

A browser or a proxy sends the same headers byte for byte with each request of a connection, so all
that depends on them alone is worked out here: address, agent, language, visitor cookie, what they
decide about consent, and the end of the hit's line for each decision. Used by the lane and by the
application alike. Pure.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Final

from collector import client_address, consent, identity
from collector.consent import Decision
from collector.settings import CollectorSettings
from schemas.email_opens import Opening
from schemas.hit import encode_part, encode_tail
from schemas.limits import LANGUAGE_BYTES_MAX, URL_BYTES_MAX, USER_AGENT_BYTES_MAX

# The headers that matter here.
KEPT: Final = frozenset(
    b"user-agent accept-language referer cookie sec-gpc x-forwarded-for forwarded".split()
)

# Each holds under a kilobyte, a few at the limits ten.
CLIENTS_CACHED: Final = 2048

Kept = dict[bytes, bytes]


def keep(kept: Kept, name: bytes, value: bytes) -> None:
    """Keep a header; `name` is in lower case. Several of one name are joined (RFC 9110 5.3)."""
    if name in kept:
        joint = b"; " if name == b"cookie" else b", "
        kept[name] = kept[name] + joint + value
    else:
        kept[name] = value


class Facts:
    """What one header block says. `visitor_id` and `page` are empty if it says nothing of them.

    `plain_tail` is for `HitBuilder`: the line's end of most hits, once it is known that the headers
    decide nothing about consent, name a visitor, and are without problems.
    """

    __slots__ = (
        "_agent",
        "_client",
        "_ips",
        "_tails",
        "decision",
        "page",
        "plain_tail",
        "problems",
        "visitor_id",
    )

    def __init__(
        self,
        decision: Decision | None,
        visitor_id: str,
        page: str,
        ips: tuple[str, str],
        client: bytes,
        problems: Sequence[str],
        agent: bytes,
    ) -> None:
        self.decision = decision
        self.visitor_id = visitor_id
        self.page = page
        self.problems = problems
        self.plain_tail: bytes | None = None
        # Parts of the line's end: the address whole and cut, what the client says of itself.
        self._ips = ips
        self._agent = agent
        self._client = client
        self._tails: dict[Decision, bytes] = {}

    def opening(self, seconds: float | None) -> Opening:
        """Return what tells who opened a mail; `seconds` are those since it was sent."""
        return Opening(self._agent.decode(errors="replace"), self._ips[0], seconds=seconds)

    def tail(self, decision: Decision) -> bytes:
        """Return the end of the line under a decision: who, address, agent, language, consent."""
        tail = self._tails.get(decision)
        if tail is None:
            granted = decision.granted
            # Both are of characters that JSON takes as they are.
            who = f',"visitor_id":"{self.visitor_id}"' if granted and self.visitor_id else ""
            ip = self._ips[0 if granted else 1]
            where = f',"ip":"{ip}"' if ip else ""
            tail = (who + where).encode() + self._client + _consent_part(decision)
            self._tails[decision] = tail
        return tail


@lru_cache(maxsize=64)
def _consent_part(decision: Decision) -> bytes:
    return encode_tail({"consent": decision.consent, "consent_source": decision.source})


class FactsReader:
    """Reads header blocks under one collector's settings."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._cookie = settings.cookie_name.encode() + b"="
        self._optout = settings.cookie_optout_name.encode() + b"="
        self._trusted = [ip_network(network) for network in settings.trusted_proxies]
        self._proxy_header = settings.proxy_header.encode()
        self._hops = (
            client_address.forwarded
            if settings.proxy_header == "forwarded"
            else client_address.forwarded_for
        )

    def read(self, kept: Kept, peer: str) -> Facts:
        """Return the facts of what was kept of a header block that came from address `peer`."""
        visitor_id, opted_out = self._cookies(kept.get(b"cookie"))
        gpc = kept.get(b"sec-gpc")
        page, problems = _page(kept.get(b"referer"))
        agent = kept.get(b"user-agent", b"").rstrip(b" \t")
        client, client_problems = _client(agent, kept.get(b"accept-language", b""))
        return Facts(
            consent.headers_decision(
                opted_out=opted_out,
                gpc=gpc is not None and b"1" in map(bytes.strip, gpc.split(b",")),
            ),
            visitor_id,
            page,
            self._addresses(kept, peer),
            client,
            problems + client_problems,
            agent,
        )

    def _cookies(self, cookies: bytes | None) -> tuple[str, bool]:
        """Return the visitor's id, empty unless we gave it, and whether it opted out."""
        if cookies is None:
            return "", False
        opted_out = identity.cookie_value(cookies, self._optout) == "1"
        visitor_id = identity.cookie_value(cookies, self._cookie)
        return visitor_id if identity.is_visitor_id(visitor_id) else "", opted_out

    def _addresses(self, kept: Kept, peer: str) -> tuple[str, str]:
        """Return the client's address, whole and cut; empty if it has none."""
        if not self._trusted:
            return client_address.whole_and_cut(peer)
        hops = self._hops(kept.get(self._proxy_header, b"").decode("latin-1"))
        address = client_address.client_address(peer, hops, self._trusted)
        return client_address.whole_and_cut(str(address or ""))


def _page(referer: bytes | None) -> tuple[str, tuple[str, ...]]:
    """Return the page that the Referer header names, and what is wrong with it."""
    if referer is None:
        return "", ()
    problems: list[str] = []
    return _text(referer.rstrip(b" \t"), URL_BYTES_MAX, "url", problems), tuple(problems)


@lru_cache(maxsize=CLIENTS_CACHED)
def _client(agent: bytes, languages: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the part of the line that says agent and language, and what is wrong with them.

    A thousand pairs cover most of the world's browsers, so they are seldom made anew.
    """
    problems: list[str] = []
    members = {}
    if agent:
        members["user_agent"] = _text(agent, USER_AGENT_BYTES_MAX, "user_agent", problems)
    first = languages.partition(b",")[0].partition(b";")[0].strip()
    if first and first != b"*":
        members["language"] = _text(first, LANGUAGE_BYTES_MAX, "language", problems)
    return encode_part(members), tuple(problems)


def _text(value: bytes, bytes_max: int, member: str, problems: list[str]) -> str:
    """Return a header's text; what is wrong with it is noted, not raised."""
    text = value.decode(errors="replace")
    if "\ufffd" in text:
        problems.append(f"{member}: not UTF-8")
        value = text.encode()  # longer: three bytes for each that was none
    if len(value) <= bytes_max:
        return text
    problems.append(f"{member}: cut at {bytes_max} bytes")
    return value[:bytes_max].decode(errors="ignore")
