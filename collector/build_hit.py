"""Wire to hit: from what a request says to the line that the journal keeps.

The lane and the application both build hits here, so they record the same. The order: what the
parameters say, what consent allows, who it was, the line. Time and randomness are passed in.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from collector.consent import Decision, parameter_decision
from collector.facts import Facts
from collector.identity import IdPool
from collector.metrics import Counters
from collector.parameters import Members, note, parse_query, take_json
from collector.settings import CollectorSettings
from schemas import hit

EVENT_DEFAULT: Final = "PageView"
_PERSONAL_PARAMETERS = tuple(
    field.name for field in hit.FIELDS if field.personal and field.parameter
)
_NO_WORD: Final = Decision("denied", "parameter")


class BuiltHit(NamedTuple):
    """A hit's line, and the visitor id to set as a cookie (empty: none)."""

    line: bytes
    new_visitor_id: str


class HitBuilder:
    """Builds the hits of one worker."""

    def __init__(
        self,
        settings: CollectorSettings,
        counters: Counters,
        clock_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._default = Decision(settings.consent_default, "default")
        self._counters = counters
        self._clock_ms = clock_ms
        self._ids = IdPool(random_bytes)
        self._now_ms = -1
        self._now_text = ""

    def from_query(self, facts: Facts, query: str, method: str) -> BuiltHit:
        """Build the hit of a pixel request from its query string (without `?`)."""
        members = self._begin("pixel", method)
        parse_query(query, members)
        return self._finish(members, facts, facts.visitor_id)

    def from_json(self, facts: Facts, event: Mapping[str, Any], visitor_id: str) -> BuiltHit:
        """Build a beacon's hit; `visitor_id` is what an earlier event of the request was given."""
        members = self._begin("beacon", "POST")
        take_json(members, event)
        return self._finish(members, facts, visitor_id)

    def from_form(self, facts: Facts, form: str, visitor_id: str) -> BuiltHit:
        """Build a beacon's hit from an application/x-www-form-urlencoded body."""
        members = self._begin("beacon", "POST")
        parse_query(form, members)
        return self._finish(members, facts, visitor_id)

    def _begin(self, endpoint: str, method: str) -> Members:
        now_ms = self._clock_ms()
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._now_text = hit.rfc3339(now_ms)
        return {
            "id": self._ids.hit_id(now_ms),
            "received_at": self._now_text,
            "endpoint": endpoint,
            "method": method,
            "event": EVENT_DEFAULT,
        }

    def _finish(self, members: Members, facts: Facts, visitor_id: str) -> BuiltHit:
        if "url" not in members and facts.page:
            members["url"] = facts.page
        if facts.problems:
            for problem in facts.problems:
                note(members, problem)
        decision = self._decide(members, facts)
        new_visitor_id = ""
        if decision.consent == "denied":
            self._counters.denied += 1
            for name in _PERSONAL_PARAMETERS:
                members.pop(name, None)
        elif not facts.visitor_id:
            # The headers carry no id, so the line's end has none either.
            new_visitor_id = visitor_id or self._ids.visitor_id()
            members["visitor_id"] = new_visitor_id
        if "problems" in members:
            self._counters.problems += 1
        return BuiltHit(hit.encode(members, facts.tail(decision)), new_visitor_id)

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
