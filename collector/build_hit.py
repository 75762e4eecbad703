"""Wire to hit: from what a request says to the line that the journal keeps.

The lane and the application both build hits here, so they record the same. The order: what the
parameters say, what consent allows, who it was, the line. Time and randomness are passed in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from collector.consent import Decision, parameter_decision
from collector.facts import Facts
from collector.identity import IdPool
from collector.mail import MailJudge
from collector.metrics import Counters
from collector.parameters import Members, note, parse_query, take_json, take_plain
from collector.secrets import Secrets
from collector.settings import CollectorSettings
from collector.sites import UNKNOWN_SITE, Sites
from schemas import hit

EVENT_DEFAULT: Final = "PageView"
EVENT_OF_CLICK: Final = "Click"
# What goes without consent; the address is no member before the line's end, which has it cut.
_PERSONAL = (*(field.name for field in hit.FIELDS if field.personal), "visitor_kind")
_NO_WORD: Final = Decision("denied", "parameter")

# A hit's line (empty: it is refused), and the visitor id to set as a cookie (empty: none).
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
    ) -> None:
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
        return self._finish(members, facts, facts.visitor_id, "pixel", method)

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
                or "consent" in members
                or "problems" in members
                or "opened_by" in members
                or not self._sites.is_open
            ):
                built.append(self._finish(members, facts, facts.visitor_id, "pixel", "GET"))
                continue
            # By far the most: a known visitor, nothing refused, nothing wrong.
            if facts.page and "url" not in members:
                members["url"] = facts.page
            self._id_number = number = self._id_number + 1
            head = f"{self._id_start}{number:012x}{self._after_id_of_get}"
            built.append((hit.encode(head, members, tail), ""))
        return built

    def from_json(self, facts: Facts, event: Mapping[str, Any], visitor_id: str) -> BuiltHit:
        """Build a beacon's hit; `visitor_id` is what an earlier event of the request was given."""
        members: Members = {"event": EVENT_DEFAULT}
        take_json(members, event)
        return self._finish(members, facts, visitor_id, "beacon", "POST")

    def from_form(self, facts: Facts, form: str) -> BuiltHit:
        """Build a beacon's hit from an application/x-www-form-urlencoded body."""
        members: Members = {"event": EVENT_DEFAULT}
        parse_query(form, members)
        return self._finish(members, facts, "", "beacon", "POST")

    def from_click(self, facts: Facts, described: str, link_url: str, method: str) -> BuiltHit:
        """Build the hit of a link that is followed; `described` is what its query says of it."""
        members: Members = {"event": EVENT_OF_CLICK, "link_url": link_url}
        parse_query(described, members)
        if method == "HEAD":
            # Nobody's browser follows a link without asking for what is there.
            members["bot"] = "link-checker"
        return self._finish(members, facts, facts.visitor_id, "click", method)

    def from_api(self, facts: Facts, members: Members) -> bytes:
        """Build the line of an API caller's event from its members, which were checked."""
        return self._finish(members, facts, "", "api", "POST")[0]

    def _finish(
        self, members: Members, facts: Facts, visitor_id: str, endpoint: str, method: str
    ) -> BuiltHit:
        if not self._sites.is_open and self._is_refused(members, facts, endpoint):
            return _REFUSED
        if facts.page and "url" not in members:
            members["url"] = facts.page
        if "opened_by" in members:
            self._read_clock()
            self._mail.judge(members, facts, endpoint, self._now_ms)
        tail, new_visitor_id = self._apply_consent(members, facts, visitor_id)
        if "problems" in members:
            self._counters.problems += 1
        return hit.encode(self._head(endpoint, method), members, tail), new_visitor_id

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
        self._read_clock()
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

    def _apply_consent(self, members: Members, facts: Facts, visitor_id: str) -> BuiltHit:
        """Drop what consent does not allow; return the line's end and a new visitor's id."""
        for problem in facts.problems:
            note(members, problem)
        decision = self._decide(members, facts)
        if not decision.granted:
            self._counters.denied += 1
            for name in _PERSONAL:
                members.pop(name, None)
            return facts.tail(decision), ""
        if facts.visitor_id:
            tail = facts.tail(decision)
            if decision == self._default and not facts.problems:
                facts.plain_tail = tail
            return tail, ""
        if "api_key" in members:
            # The visitor is the caller's to name; who asked is a server.
            return facts.tail(decision), ""
        # The headers carry no id, so the line's end has none either.
        members["visitor_id"] = visitor_id = visitor_id or self._ids.visitor_id()
        return facts.tail(decision), visitor_id

    def _decide(self, members: Members, facts: Facts) -> Decision:
        word = members.pop("consent", None)
        if facts.decision is not None:
            return facts.decision
        if word is None:
            return self._default
        decision = parameter_decision(word)
        if decision is None:
            note(members, "consent: not a known word, taken as denied")
            return _NO_WORD
        return decision
