"""The collector's functions, stage by stage, in a tight loop: what a hit costs without a kernel.

The parts are a real worker's, wired by itself; only the transport, the loop and the journal's write
are stand-ins that do nothing. ``python -m bench.budget_stages`` runs each stage between two calls
of getppid(2), which is where valgrind's callgrind is told to write down its counts. `TURN` hits
share a turn of the loop. Three walks: a known connection (its headers came before), a request alone
on its connection whose headers came before, and one of a visitor never seen, with a browser that
others have too. A walk's stages make the same hits as its `whole`.
"""

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bench import traffic
from bench.visitors import secret_file
from collector.lane import Lane, LaneShared
from collector.parameters import plain_queries
from collector.regulars import Regulars
from collector.settings import CollectorSettings
from collector.worker import Worker
from schemas.journal.settings import JournalSettings
from schemas.journal.writer import JournalWriter

TURN = 16
_LINES = 1_024
_TOO_MUCH = 1 << 40
_PEER = "203.0.113.7"


class _Silent:
    """A transport, or a lone connection, that takes everything and does nothing."""

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return _PEER, 4711

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Loop:
    """Keeps what is to be called when the turn ends."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def time(self) -> float:
        return 1.0

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def end_turn(self) -> None:
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


class _Parts(Worker):
    """A worker that is wired and never runs."""

    def wired(self, folder: Path, loop: _Loop) -> LaneShared:
        self._loop = cast("Any", loop)
        self._journal = JournalWriter(
            folder / "w0",
            segment_bytes_max=_TOO_MUCH,
            segment_age_seconds_max=_TOO_MUCH,
            quota_bytes_max=_TOO_MUCH,
            monotonic=time.monotonic,
            write=lambda _, data: len(data),
        )
        self._build()
        self._answers.refresh(1)
        return self._lane_shared()


@dataclass(frozen=True, slots=True)
class Stage:
    """`run` makes or handles `hits` hits."""

    walk: str
    name: str
    hits: int
    run: Callable[[], None]


@contextmanager
def stages() -> Iterator[list[Stage]]:
    """Give all stages, warmed up."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as name:
        folder, loop = Path(name), _Loop()
        settings = CollectorSettings(secret_file=secret_file(folder))
        child = cast("Any", SimpleNamespace(on_hangup=None))
        worker = _Parts("w0", settings, JournalSettings(path=folder), child)
        shared = worker.wired(folder, loop)
        found = [*_known(shared, loop), *_alone(shared, loop), *_stranger(shared, loop)]
        for stage in found:
            stage.run()
            stage.run()
        yield found


def best_us(stage: Stage, repeats: int) -> float:
    """Return the least time a hit took in a stage, in microseconds, of many turns."""
    best = float("inf")
    gc.disable()
    for _ in range(repeats):
        begun = time.perf_counter_ns()
        stage.run()
        best = min(best, time.perf_counter_ns() - begun)
    gc.enable()
    return best / 1e3 / stage.hits


def _known(shared: LaneShared, loop: _Loop) -> Iterator[Stage]:
    lines = traffic.request_lines(count=_LINES)
    lanes = []
    for number in range(TURN):
        lane = Lane(shared)
        lane.connection_made(cast("Any", _Silent()))
        headers = traffic.header_block(number, keep_alive=True)
        lane.data_received(lines[number] + headers)
        lanes.append((lane, headers))
    loop.end_turn()
    turns = [
        [lines[(turn + number) % _LINES] + headers for number, (_, headers) in enumerate(lanes)]
        for turn in range(0, _LINES, TURN)
    ]
    next_turn = cycle(turns).__next__

    def receive() -> None:
        for (lane, _), data in zip(lanes, next_turn(), strict=True):
            lane.data_received(data)

    def whole() -> None:
        receive()
        loop.end_turn()

    def receive_only() -> None:
        receive()
        shared.repeats.noted.clear()

    receive()
    noted, shared.repeats.noted = list(shared.repeats.noted), []
    facts = [repeat[2] for repeat in noted]
    queries = [repeat[3] for repeat in noted]
    answers: list[tuple[Any, bytes, bool]] = [(_Silent(), b"", False)] * TURN
    parse, build = plain_queries, shared.builder.from_plain_queries
    plain = parse(queries)
    assert plain is not None
    built = [line for line, _ in build(facts, plain)]

    def commit() -> None:
        shared.commit.extend(built, answers)
        loop.end_turn()

    for name, run in (
        ("receive", receive_only),
        ("query", lambda: parse(queries)),
        ("build", lambda: build(facts, plain)),
        ("commit", commit),
        ("whole", whole),
    ):
        yield Stage("known", name, TURN, cast("Callable[[], None]", run))


def _alone(shared: LaneShared, loop: _Loop) -> Iterator[Stage]:
    requests = _lone_requests()

    def whole() -> None:
        for request in requests:
            assert shared.take_lone(request, _PEER, cast("Any", _Silent()))
        loop.end_turn()

    yield Stage("alone", "whole", TURN, whole)


def _stranger(shared: LaneShared, loop: _Loop) -> Iterator[Stage]:
    requests = _lone_requests()
    cookie = vars(shared.facts)["_visitor_cookie"]
    kept = [head[0] for head in map(shared.heads.read, requests) if head is not None]
    pixels = [pixel for pixel in (shared.read(one, _PEER) for one in requests) if pixel]
    assert len(kept) == len(pixels) == TURN

    def read_head() -> None:
        for request in requests:
            shared.heads.read(request)

    def read_facts() -> None:
        cookie.read.cache_clear()
        for one in kept:
            shared.facts.read(one, _PEER)

    def build() -> None:
        for pixel in pixels:
            shared.builder.from_query(pixel.facts, pixel.query, "GET")

    def commit() -> None:
        for _ in pixels:
            shared.commit.add(b"{}\n", cast("Any", _Silent()), b"", True)
        loop.end_turn()

    def whole() -> None:
        regulars, shared.regulars = shared.regulars, Regulars()
        cookie.read.cache_clear()
        for request in requests:
            assert shared.take_lone(request, _PEER, cast("Any", _Silent()))
        loop.end_turn()
        shared.regulars = regulars

    for name, run in (
        ("head", read_head),
        ("facts", read_facts),
        ("build", build),
        ("commit", commit),
        ("whole", whole),
    ):
        yield Stage("stranger", name, TURN, run)


def _lone_requests() -> list[bytes]:
    lines = traffic.request_lines(count=TURN)
    return [
        line + traffic.header_block(number, keep_alive=False) for number, line in enumerate(lines)
    ]


def main() -> None:
    """Run each stage once between two marks, for callgrind."""
    gc.disable()
    with stages() as found:
        os.getppid()
        for stage in found:
            stage.run()
            os.getppid()


if __name__ == "__main__":
    main()
