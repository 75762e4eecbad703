"""Wire to hit: from what a request says to the line that the journal keeps.

The lane and the application both build hits here, so they record the same. The order: what the
parameters say, what consent allows, who it was, the line. Time and randomness are passed in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from collector.consent import Allowance, ConsentReader, Decision, allowed
from collector.consent_words import DENIED
from collector.daily_visitors import DailyVisitors
from collector.facts import Facts, visit_members
from collector.identity import IdPool
from collector.mail import MailJudge
from collector.metrics import Counters
from collector.parameters import Members, note, parse_query, take_json, take_plain
from collector.secrets import Secrets
from collector.settings import CollectorSettings
from collector.sites import UNKNOWN_SITE, Site, Sites
from collector.visitor_cookie import VisitorCookie
from schemas import hit

EVENT_DEFAULT: Final = "PageView"
EVENT_OF_CLICK: Final = "Click"
# The site's ids of a person, and what says who it was.
_PERSON: Final = ("user_id", "recipient_id", "email_hash", "phone_hash")
_WHO: Final = ("visitor_id", "visitor_kind", "session_id")
_PAGES: Final = ("url", "referrer", "link_url")
_OTHER_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)")
_MINUTE_MS: Final = 60_000
# A server's calls carry no cookie of the visitor, and have no use for one.
_WITHOUT_COOKIE: Final = frozenset(("api",))

# A hit's line (empty: it is refused), and the value of Set-Cookie (empty: none).
BuiltHit: TypeAlias = tuple[bytes, str]
_REFUSED: Final[BuiltHit] = (b"", "")
# Mail is read, and links are followed, on pages that no site lists.
_OF_MAIL: Final = frozenset(("message_id", "recipient_id"))


class HitBuilder:
    """Builds the hits of one worker."""

    def __init__(
        self,
        settings: CollectorSettings,
        counters: Counters,
        clock_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        sites: Sites,
        secrets: Secrets,
        consent: ConsentReader,
        cookie: VisitorCookie,
        daily: DailyVisitors,
    ) -> None:
        self._consent = consent
        self._cookie = cookie
        self._daily = daily
        self._visitor_kind = settings.visitor_kind
        self._default = Decision(settings.consent_default, "default")
        self._sites = sites
        self._mail = MailJudge(secrets.signer("recipient"), signed_only=settings.recipients_signed)
        self._counters = counters
        self._clock_ms = clock_ms
        self._ids = IdPool(random_bytes)
        # What the hits of one millisecond have in common.
        self._now_ms = -1
        self._now_text = ""
        self._id_start = ""
        self._id_number = 0
        self._after_id_of_get = ""

    def from_query(self, facts: Facts, query: str, method: str) -> BuiltHit:
        """Build the hit of a pixel request from its query string (without `?`)."""
        members: Members = {"event": EVENT_DEFAULT}
        parse_query(query, members)
        return self._finish(members, facts, "", "pixel", method)

    def from_plain_queries(
        self, facts_of: Sequence[Facts], queries: Sequence[Mapping[str, str]]
    ) -> list[BuiltHit]:
        """Build the hits of GETs of the pixel, each of one of `parameters.plain_queries`.

        They were received in one turn of the event loop, and get one time.
        """
        self._read_clock()
        built = []
        for facts, query in zip(facts_of, queries, strict=True):
            members: Members = {"event": EVENT_DEFAULT}
            take_plain(query, members)
            tail = facts.plain_tail
            if (
                tail is None
                or self._now_ms >= facts.plain_until_ms
                or "consent" in members
                or "problems" in members
                or "opened_by" in members
                or not (
                    self._sites.is_open
                    or facts.plain_for == (members.get("site", ""), self._sites.version)
                )
            ):
                built.append(self._finish(members, facts, "", "pixel", "GET"))
                continue
            # By far the most: a known visitor, nothing refused, nothing wrong.
            if facts.page and "url" not in members:
                members["url"] = facts.page
            self._id_number = number = self._id_number + 1
            head = f"{self._id_start}{number:012x}{self._after_id_of_get}"
            built.append((hit.encode(head, members, tail), ""))
        return built

    def from_json(self, facts: Facts, event: Mapping[str, Any], set_cookie: str) -> BuiltHit:
        """Build a beacon's hit; `set_cookie` is what an earlier event of the request was given."""
        members: Members = {"event": EVENT_DEFAULT}
        take_json(members, event)
        return self._finish(members, facts, set_cookie, "beacon", "POST")

    def from_form(self, facts: Facts, form: str) -> BuiltHit:
        """Build a beacon's hit from an application/x-www-form-urlencoded body."""
        members: Members = {"event": EVENT_DEFAULT}
        parse_query(form, members)
        return self._finish(members, facts, "", "beacon", "POST")

    def from_click(self, facts: Facts, described: str, link_url: str, method: str) -> BuiltHit:
        """Build the hit of a link that is followed; `described` is what its query says of it."""
        members: Members = {"event": EVENT_OF_CLICK, "link_url": link_url}
        parse_query(described, members)
        if method == "HEAD" and not facts.bot:
            # Nobody's browser follows a link without asking for what is there.
            members["bot"] = "link-checker"
        return self._finish(members, facts, "", "click", method)

    def from_api(self, facts: Facts, members: Members) -> bytes:
        """Build the line of an API caller's event from its members, which were checked."""
        return self._finish(members, facts, "", "api", "POST")[0]

    def _finish(
        self, members: Members, facts: Facts, set_cookie: str, endpoint: str, method: str
    ) -> BuiltHit:
        self._read_clock()
        if not self._sites.is_open and self._is_refused(members, facts, endpoint):
            return _REFUSED
        if facts.page and "url" not in members:
            members["url"] = facts.page
        if "opened_by" in members:
            self._mail.judge(members, facts, endpoint, self._now_ms)
        has_cookie = endpoint not in _WITHOUT_COOKIE
        tail, set_cookie = self._apply_consent(members, facts, set_cookie, has_cookie)
        if "problems" in members:
            self._counters.problems += 1
        return hit.encode(self._head(endpoint, method), members, tail), set_cookie

    def _is_refused(self, members: Members, facts: Facts, endpoint: str) -> bool:
        """Tell whether a hit is of no site that we know; one that is kept all the same says so."""
        is_from_anywhere = endpoint == "click" or _OF_MAIL & members.keys()
        page = "" if is_from_anywhere else facts.page
        problem = self._sites.problem(members.get("site", ""), page)
        if problem:
            self._counters.unlisted["site" if problem == UNKNOWN_SITE else "page"] += 1
            note(members, problem)
        return bool(problem) and self._sites.refuses

    def _head(self, endpoint: str, method: str) -> str:
        self._id_number = number = self._id_number + 1
        after_id = hit.head_after_id(self._now_text, endpoint, method)
        return f"{self._id_start}{number:012x}{after_id}"

    def _read_clock(self) -> None:
        """Begin a new series of ids if the millisecond is another."""
        now_ms = self._clock_ms()
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._now_text = hit.rfc3339(now_ms)
            id_start, self._id_number = self._ids.hit_id_series(now_ms)
            self._id_start = '{"id":"' + id_start
            self._after_id_of_get = hit.head_after_id(self._now_text, "pixel", "GET")

    def _apply_consent(
        self, members: Members, facts: Facts, set_cookie: str, has_cookie: bool
    ) -> BuiltHit:
        """Drop what consent does not allow; return the line's end and the value of Set-Cookie."""
        for problem in facts.problems:
            note(members, problem)
        site = self._sites.of(members.get("site", ""))
        decision = self._decide(members, facts, site)
        allowance = allowed(decision.consent, anonymous=facts.is_anonymous)
        _drop(members, allowance)
        if decision.consent == DENIED:
            self._counters.denied += 1
        if has_cookie:
            if self._visitor_kind == "cookie" and allowance.cookie:
                return self._with_visit(members, facts, set_cookie, decision, site)
            if self._visitor_kind == "daily" and allowance.daily_id and facts.address:
                members["visitor_id"] = self._daily.visitor_id(
                    self._now_ms, members.get("site", ""), facts.address, facts.agent
                )
                members["visitor_kind"] = "daily"
        return facts.tail(decision, with_visit=False), ""

    def _with_visit(
        self, members: Members, facts: Facts, set_cookie: str, decision: Decision, site: Site
    ) -> BuiltHit:
        """Say who it was: the visitor of the cookie or a new one; a visit goes on or begins."""
        minute = self._now_ms // _MINUTE_MS
        visit = facts.visit
        if visit is None:
            # The headers carry no id, so the line's end has none either.
            visit = self._cookie.read_set_cookie(set_cookie) or self._cookie.first(
                self._ids.visitor_id(), minute
            )
            members.update(visit_members(visit))
            set_cookie = set_cookie or self._cookie.set_cookie(visit, site.cookie_domain)
            return facts.tail(decision, with_visit=False), set_cookie
        current = self._cookie.current(visit, minute)
        goes_on = current.began == visit.began
        if not goes_on:
            members.update(visit_members(current))
        tail = facts.tail(decision, with_visit=goes_on)
        if current is not visit:
            return tail, self._cookie.set_cookie(current, site.cookie_domain)
        if decision.source == "default" and "problems" not in members:
            facts.plain_tail = tail
            facts.plain_for = (members.get("site", ""), self._sites.version)
            facts.plain_until_ms = self._cookie.fresh_until(visit) * _MINUTE_MS
        return tail, ""

    def _decide(self, members: Members, facts: Facts, site: Site) -> Decision:
        words = members.pop("consent", None)
        if facts.decision is not None:
            return facts.decision
        if words is not None:
            decision, problems = self._consent.of_parameters(words)
            for problem in problems:
                note(members, problem)
            if decision is not None:
                return decision
        if facts.do_not_track is not None:
            return facts.do_not_track
        if site.consent_default == self._default.consent:
            return self._default
        return Decision(site.consent_default, "default")


def _drop(members: Members, allowance: Allowance) -> None:
    """Drop from the parameters' members what is not allowed."""
    if not allowance.person:
        for name in _PERSON:
            members.pop(name, None)
    if not allowance.cookie:
        for name in _WHO:
            members.pop(name, None)
    if not allowance.query:
        for name in _PAGES:
            if name in members:
                members[name] = bare_page(members[name])


def bare_page(url: str) -> str:
    """Return a page's address without what may tell who it is: login, query, fragment.

    Of `mailto:` and the like, which are nothing else, the scheme is left.
    """
    url = url.partition("#")[0].partition("?")[0]
    other = _OTHER_SCHEME.match(url)
    if other:
        return other[0]
    scheme, slashes, rest = url.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"
