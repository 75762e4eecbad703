"""Pixel requests of one event-loop turn whose headers came before.

By far the most requests of a busy collector. They are only noted as they arrive and are built
together when the turn ends: their queries are then checked and parsed in one call. A query that is
not surely plain is parsed alone, and a request whose target may be malformed is read the long way.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from collector.build_hit import HitBuilder
from collector.facts import Facts
from collector.group_commit import Answerable, GroupCommit
from collector.parameters import is_query, plain_queries
from collector.responses import PixelAnswers


class Repeater(Protocol):
    """A connection that sent such a request."""

    def read_plainly(self, data: bytes) -> None:
        """Take the request the long way."""


# The connection (None: it came for one pixel, and its query was checked), where its answer goes,
# what its headers said, the query, and the whole request.
Repeat: TypeAlias = tuple[Repeater | None, Answerable, Facts, bytes, bytes]


class Repeats:
    """What was noted in this turn. Whoever appends the first of `noted` schedules the commit."""

    def __init__(self, builder: HitBuilder, answers: PixelAnswers, commit: GroupCommit) -> None:
        self._builder = builder
        self._answers = answers
        self._commit = commit
        self.noted: list[Repeat] = []
        commit.before_write = self.build

    def build(self) -> None:
        """Build what was noted so far, in order, and give it to the commit."""
        noted = self.noted
        if noted:
            self.noted = []
            self._build(noted)

    def _build(self, noted: Sequence[Repeat]) -> None:
        queries = plain_queries([repeat[3] for repeat in noted])
        if queries is None:
            for repeat in noted:
                self._build_apart(repeat)
            return
        built = self._builder.from_plain_queries([repeat[2] for repeat in noted], queries)
        answer, keep_alive = self._answers.answer, self._answers.keep_alive
        self._commit.extend(
            [line for line, _ in built if line],
            [
                (repeat[1], keep_alive, False)
                if repeat[0] is not None and not set_cookie
                else (
                    repeat[1],
                    answer(set_cookie=set_cookie, close=repeat[0] is None),
                    repeat[0] is None,
                )
                for repeat, (_, set_cookie) in zip(noted, built, strict=True)
            ],
        )

    def _build_apart(self, repeat: Repeat) -> None:
        repeater, transport, facts, query, data = repeat
        if repeater is not None and not is_query(query):
            repeater.read_plainly(data)
            return
        line, set_cookie = self._builder.from_query(facts, query.decode(), "GET")
        close = repeater is None
        answer = self._answers.answer(set_cookie=set_cookie, close=close)
        self._commit.add(line, transport, answer, close)
