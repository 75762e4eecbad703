"""What a request's header block says, derived once and kept while a connection repeats it.

A browser or a proxy sends the same headers byte for byte with each request of a connection, so all
that depends on them alone is worked out here: address, agent, language, visitor cookie, what they
decide about consent, and the end of the hit's line for each decision. Used by the lane and by the
application alike. Pure.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from collector import client_address, consent, identity
from collector.consent import Decision
from collector.settings import CollectorSettings
from schemas.hit import encode_tail
from schemas.limits import LANGUAGE_BYTES_MAX, URL_BYTES_MAX, USER_AGENT_BYTES_MAX

_KEPT = frozenset(
    b"user-agent accept-language referer cookie sec-gpc x-forwarded-for forwarded".split()
)


class Facts:
    """What one header block says. `visitor_id` and `page` are empty if it says nothing of them."""

    __slots__ = ("_base", "_ip", "_ip_cut", "_tails", "decision", "page", "problems", "visitor_id")

    def __init__(self, decision: Decision | None, visitor_id: str, page: str) -> None:
        self.decision = decision
        self.visitor_id = visitor_id
        self.page = page
        self.problems: list[str] = []
        self._base: dict[str, str] = {}
        self._ip = ""
        self._ip_cut = ""
        self._tails: dict[Decision, bytes] = {}

    def tail(self, decision: Decision) -> bytes:
        """Return the end of the line under a decision: address, agent, language, consent."""
        tail = self._tails.get(decision)
        if tail is None:
            tail = self._tails[decision] = encode_tail(self._members(decision))
        return tail

    def _members(self, decision: Decision) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if decision.granted and self.visitor_id:
            members["visitor_id"] = self.visitor_id
        ip = self._ip if decision.granted else self._ip_cut
        if ip:
            members["ip"] = ip
        members.update(self._base)
        members["consent"] = decision.consent
        members["consent_source"] = decision.source
        return members

    def set_base(self, ip: str, ip_cut: str, base: dict[str, str]) -> None:
        """Give the members that the tails are made of."""
        self._ip, self._ip_cut, self._base = ip, ip_cut, base


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

    def read(self, headers: Iterable[tuple[bytes, bytes]], peer: str) -> Facts:
        """Return the facts of a header block (names in any case) that came from address `peer`."""
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            name = name.lower()
            if name in _KEPT:
                joint = b"; " if name == b"cookie" else b", "
                found[name] = found[name] + joint + value if name in found else value
        cookies = found.get(b"cookie", b"")
        opted_out = identity.cookie_value(cookies, self._optout) == "1"
        decision = consent.headers_decision(
            opted_out=opted_out, gpc=found.get(b"sec-gpc", b"").strip() == b"1"
        )
        visitor_id = identity.cookie_value(cookies, self._cookie)
        facts = Facts(decision, visitor_id if identity.is_visitor_id(visitor_id) else "", "")
        facts.page = _text(found.get(b"referer", b""), URL_BYTES_MAX, "url", facts)
        self._set_base(facts, found, peer)
        return facts

    def _set_base(self, facts: Facts, found: dict[bytes, bytes], peer: str) -> None:
        base = {}
        agent = _text(found.get(b"user-agent", b""), USER_AGENT_BYTES_MAX, "user_agent", facts)
        if agent:
            base["user_agent"] = agent
        first = found.get(b"accept-language", b"").partition(b",")[0].partition(b";")[0].strip()
        language = _text(first, LANGUAGE_BYTES_MAX, "language", facts)
        if language and language != "*":
            base["language"] = language
        hops = []
        if self._trusted:
            hops = self._hops(found.get(self._proxy_header, b"").decode("latin-1"))
        address = client_address.client_address(peer, hops, self._trusted)
        if address is None:
            facts.set_base("", "", base)
        else:
            facts.set_base(str(address), str(client_address.truncated(address)), base)


def _text(value: bytes, bytes_max: int, member: str, facts: Facts) -> str:
    """Return a header's text; what is wrong with it is noted, not raised."""
    if len(value) > bytes_max:
        facts.problems.append(f"{member}: cut at {bytes_max} bytes")
        value = value[:bytes_max]
        return value.decode(errors="ignore")
    text = value.decode(errors="replace")
    if "\ufffd" in text:
        facts.problems.append(f"{member}: not UTF-8")
    return text
