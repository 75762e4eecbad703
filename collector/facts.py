"""What a request's header block says, derived once and kept while a connection repeats it.

A browser or a proxy sends the same headers byte for byte with each request of a connection, so all
that depends on them alone is worked out here: address, agent, language, visitor cookie, what they
decide about consent, and the end of the hit's line for each decision. Used by the lane and by the
application alike. Pure.
"""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

from collector import client_address, consent, identity
from collector.consent import Decision
from collector.settings import CollectorSettings
from schemas.hit import encode_tail
from schemas.limits import LANGUAGE_BYTES_MAX, URL_BYTES_MAX, USER_AGENT_BYTES_MAX

# The headers that matter here.
KEPT: Final = frozenset(
    b"user-agent accept-language referer cookie sec-gpc x-forwarded-for forwarded".split()
)

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

    `is_plain` means: it decides nothing about consent, names a visitor, and is without problems.
    """

    __slots__ = (
        "_agent",
        "_ip",
        "_ip_cut",
        "_language",
        "_tails",
        "decision",
        "is_plain",
        "page",
        "problems",
        "visitor_id",
    )

    def __init__(
        self,
        *,
        decision: Decision | None,
        visitor_id: str,
        page: str,
        agent: str,
        language: str,
        ips: tuple[str, str],
        problems: Sequence[str],
    ) -> None:
        self.decision = decision
        self.visitor_id = visitor_id
        self.page = page
        self.problems = problems
        self.is_plain = decision is None and visitor_id != "" and not problems
        self._agent = agent
        self._language = language
        self._ip, self._ip_cut = ips
        self._tails: dict[Decision, bytes] = {}

    def tail(self, decision: Decision) -> bytes:
        """Return the end of the line under a decision: address, agent, language, consent."""
        tail = self._tails.get(decision)
        if tail is None:
            tail = self._tails[decision] = encode_tail(self._members(decision))
        return tail

    def _members(self, decision: Decision) -> dict[str, str]:
        members = {
            "visitor_id": self.visitor_id if decision.granted else "",
            "ip": self._ip if decision.granted else self._ip_cut,
            "user_agent": self._agent,
            "language": self._language,
            "consent": decision.consent,
            "consent_source": decision.source,
        }
        return {name: value for name, value in members.items() if value}


class FactsReader:
    """Reads header blocks under one collector's settings."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._cookie = settings.cookie_name.encode()
        self._optout = settings.cookie_optout_name.encode()
        self._trusted = [ip_network(network) for network in settings.trusted_proxies]
        self._proxy_header = settings.proxy_header.encode()
        self._hops = (
            client_address.forwarded
            if settings.proxy_header == "forwarded"
            else client_address.forwarded_for
        )

    def read(self, kept: Kept, peer: str) -> Facts:
        """Return the facts of what was kept of a header block that came from address `peer`."""
        problems: list[str] = []
        cookies = kept.get(b"cookie", b"")
        visitor_id = identity.cookie_value(cookies, self._cookie)
        page = kept.get(b"referer", b"")
        return Facts(
            decision=consent.headers_decision(
                opted_out=identity.cookie_value(cookies, self._optout) == "1",
                gpc=b"sec-gpc" in kept and b"1" in kept[b"sec-gpc"].replace(b" ", b"").split(b","),
            ),
            visitor_id=visitor_id if identity.is_visitor_id(visitor_id) else "",
            page=_text(page, URL_BYTES_MAX, "url", problems),
            agent=_text(kept.get(b"user-agent", b""), USER_AGENT_BYTES_MAX, "user_agent", problems),
            language=_language(kept.get(b"accept-language", b""), problems),
            ips=self._addresses(kept, peer),
            problems=problems,
        )

    def _addresses(self, kept: Kept, peer: str) -> tuple[str, str]:
        """Return the client's address, whole and cut; empty if it has none."""
        if not self._trusted:
            return client_address.whole_and_cut(peer)
        hops = self._hops(kept.get(self._proxy_header, b"").decode("latin-1"))
        address = client_address.client_address(peer, hops, self._trusted)
        return client_address.whole_and_cut(str(address or ""))


def _language(value: bytes, problems: list[str]) -> str:
    first = value.partition(b",")[0].partition(b";")[0].strip()
    return "" if first == b"*" else _text(first, LANGUAGE_BYTES_MAX, "language", problems)


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
