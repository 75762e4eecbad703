"""What a request's header block says, derived once and kept while a connection repeats it.

A browser or a proxy sends the same headers byte for byte with each request of a connection, so all
that depends on them alone is worked out here: address, agent, language, visitor cookie, what they
decide about consent, and the end of the hit's line for each decision. Used by the lane and by the
application alike. Pure.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Final, NamedTuple

from collector import client_address, identity
from collector.agents import bot_kind, reduced
from collector.consent import Allowance, ConsentReader, Decision, allowed
from collector.settings import CollectorSettings
from collector.visitor_cookie import Visit, VisitorCookie
from schemas.email_opens import Opening
from schemas.hit import encode_part, encode_tail
from schemas.limits import (
    CLIENT_HINTS_BYTES_MAX,
    LANGUAGE_BYTES_MAX,
    URL_BYTES_MAX,
    USER_AGENT_BYTES_MAX,
)

# What a browser says of itself beside its user agent, in the order that it is kept.
_HINTS: Final = (b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform")
# What browsers say when they ask ahead of the person: `Sec-Purpose` since 2021, the others before.
_PURPOSES: Final = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
# As Snowplow's trackers send it, whatever its value.
_ANONYMOUS: Final = b"sp-anonymous"

# The headers that matter here.
KEPT: Final = frozenset(
    b"user-agent accept-language referer cookie sec-gpc dnt x-forwarded-for forwarded".split()
) | {*_HINTS, *_PURPOSES, _ANONYMOUS}

# Each holds a kilobyte or two, a few at the limits ten.
CLIENTS_CACHED: Final = 2048

Kept = dict[bytes, bytes]


def keep(kept: Kept, name: bytes, value: bytes) -> None:
    """Keep a header; `name` is in lower case. Several of one name are joined (RFC 9110 5.3)."""
    if name in kept:
        joint = b"; " if name == b"cookie" else b", "
        kept[name] = kept[name] + joint + value
    else:
        kept[name] = value


class Client(NamedTuple):
    """What a client says of itself, as parts of the line: whole, without its hints, reduced."""

    whole: bytes
    without_hints: bytes
    reduced: bytes
    # The kind of program it is; empty for what may be a person.
    bot: str
    problems: Sequence[str]

    def part(self, allowance: Allowance) -> bytes:
        """Return what of it is kept."""
        if allowance.user_agent == "reduced":
            return self.reduced
        return self.whole if allowance.client_hints else self.without_hints


class Facts:
    """What one header block says. `page` is empty and `visit` is None if it says nothing of them.

    `plain_tail` is for `HitBuilder`: the line's end of most hits until `plain_until_ms`, once it is
    known that the headers decide nothing about consent, name a visitor, and are without problems.
    Where sites differ, it is for one: `plain_for` has its key and the version of the sites.
    """

    __slots__ = (
        "_client",
        "_ips",
        "_purpose",
        "_tails",
        "agent",
        "decision",
        "do_not_track",
        "is_anonymous",
        "page",
        "plain_for",
        "plain_tail",
        "plain_until_ms",
        "problems",
        "visit",
    )

    def __init__(
        self,
        *,
        decision: Decision | None,
        do_not_track: Decision | None,
        visit: Visit | None,
        page: str,
        ips: tuple[str, str],
        client: Client,
        purpose: bytes,
        is_anonymous: bool,
        problems: Sequence[str],
        agent: bytes,
    ) -> None:
        # What decides whatever the parameters say, and what decides if they say nothing.
        self.decision = decision
        self.do_not_track = do_not_track
        self.visit = visit
        self.page = page
        self.is_anonymous = is_anonymous
        self.problems = problems
        self.agent = agent
        self.plain_tail: bytes | None = None
        self.plain_for = ("", 0)
        self.plain_until_ms = 0
        # Parts of the line's end: the address whole and cut, what the client says of itself.
        self._ips = ips
        self._client = client
        self._purpose = purpose
        self._tails: dict[tuple[Decision, bool], bytes] = {}

    @property
    def address(self) -> str:
        """The client's address, whole, whatever consent says; empty if it has none."""
        return self._ips[0]

    @property
    def bot(self) -> str:
        """The kind of program that the client is; empty for what may be a person."""
        return self._client.bot

    def opening(self, seconds: float | None) -> Opening:
        """Return what tells who opened a mail; `seconds` are those since it was sent."""
        return Opening(
            self.agent.decode(errors="replace"),
            self.address,
            asks_ahead=bool(self._purpose),
            is_program=bool(self.bot),
            seconds=seconds,
        )

    def tail(self, decision: Decision, *, with_visit: bool) -> bytes:
        """Return the end of the line under a decision: who, address, client, consent.

        `with_visit` adds the visitor of the cookie, whose visit goes on.
        """
        tail = self._tails.get((decision, with_visit))
        if tail is None:
            allowance = allowed(decision.consent, anonymous=self.is_anonymous)
            who = encode_part(visit_members(self.visit)) if with_visit and self.visit else b""
            ip = "" if allowance.ip == "none" else self._ips[allowance.ip == "cut"]
            where = f',"ip":"{ip}"'.encode() if ip else b""
            tail = b"".join(
                (who, where, self._client.part(allowance), self._purpose, _consent_part(decision))
            )
            self._tails[decision, with_visit] = tail
        return tail


def visit_members(visit: Visit) -> dict[str, str]:
    """Return the members of a hit that say who it was."""
    members = {"visitor_id": visit.visitor_id, "visitor_kind": "cookie"}
    return members | {"session_id": visit.session_id()} if visit.began else members


@lru_cache(maxsize=64)
def _consent_part(decision: Decision) -> bytes:
    return encode_tail({"consent": decision.consent, "consent_source": decision.source})


class FactsReader:
    """Reads header blocks under one collector's settings."""

    def __init__(
        self, settings: CollectorSettings, consent: ConsentReader, cookie: VisitorCookie
    ) -> None:
        self._consent = consent
        self._visitor_cookie = cookie
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
        visit, opted_out = self._cookies(kept.get(b"cookie"))
        gpc = kept.get(b"sec-gpc")
        page, problems = _page(kept.get(b"referer"))
        agent = kept.get(b"user-agent", b"").rstrip(b" \t")
        hints = b" | ".join([kept[name] for name in _HINTS if name in kept])
        client = _client(agent, kept.get(b"accept-language", b""), hints)
        return Facts(
            decision=self._consent.of_headers(
                opted_out=opted_out,
                gpc=gpc is not None and b"1" in map(bytes.strip, gpc.split(b",")),
            ),
            do_not_track=self._consent.of_do_not_track(kept.get(b"dnt")),
            visit=visit,
            page=page,
            ips=self._addresses(kept, peer),
            client=client,
            purpose=_purpose(kept),
            is_anonymous=_ANONYMOUS in kept,
            problems=(*problems, *client.problems),
            agent=agent,
        )

    def _cookies(self, cookies: bytes | None) -> tuple[Visit | None, bool]:
        """Return the visit that the visitor cookie names, and whether the visitor opted out."""
        if cookies is None:
            return None, False
        opted_out = identity.cookie_value(cookies, self._optout) == "1"
        visit = self._visitor_cookie.read(identity.cookie_value(cookies, self._cookie))
        return visit, opted_out

    def _addresses(self, kept: Kept, peer: str) -> tuple[str, str]:
        """Return the client's address, whole and cut; empty if it has none."""
        if not self._trusted:
            return client_address.whole_and_cut(peer)
        hops = self._hops(kept.get(self._proxy_header, b"").decode("latin-1"))
        address = client_address.client_address(peer, hops, self._trusted)
        return client_address.whole_and_cut(str(address or ""))


def asks_ahead(kept: Kept) -> bool:
    """Tell whether a browser asks ahead of the person, who may never come."""
    return bool(_purpose(kept))


def _purpose(kept: Kept) -> bytes:
    """Return the part of the line that says what the browser asks for, if ahead of the person."""
    if _PURPOSES.isdisjoint(kept):
        return b""
    words = b",".join(kept[name] for name in _PURPOSES if name in kept).lower()
    if b"prerender" in words:
        return encode_part({"purpose": "prerender"})
    if b"prefetch" in words or b"preview" in words:
        return encode_part({"purpose": "prefetch"})
    return b""


def _page(referer: bytes | None) -> tuple[str, tuple[str, ...]]:
    """Return the page that the Referer header names, and what is wrong with it."""
    if referer is None:
        return "", ()
    problems: list[str] = []
    return _text(referer.rstrip(b" \t"), URL_BYTES_MAX, "url", problems), tuple(problems)


@lru_cache(maxsize=CLIENTS_CACHED)
def _client(agent: bytes, languages: bytes, hints: bytes) -> Client:
    """Return what is kept of agent, language and hints, and what is wrong with them.

    A thousand of them cover most of the world's browsers, so they are seldom made anew.
    """
    problems: list[str] = []
    members = {}
    whole = _text(agent, USER_AGENT_BYTES_MAX, "user_agent", problems)
    first = languages.partition(b",")[0].partition(b";")[0].strip()
    if first and first != b"*":
        members["language"] = _text(first, LANGUAGE_BYTES_MAX, "language", problems)
    bot = bot_kind(whole)
    if bot:
        members["bot"] = bot
    short = reduced(whole)
    named = ({"user_agent": whole} if whole else {}) | members
    hinted = named
    if hints:
        hinted = named | {
            "client_hints": _text(hints, CLIENT_HINTS_BYTES_MAX, "client_hints", problems)
        }
    return Client(
        encode_part(hinted),
        encode_part(named),
        encode_part(({"user_agent": short} if short else {}) | members),
        bot,
        tuple(problems),
    )


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
