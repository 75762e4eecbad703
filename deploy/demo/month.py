"""The demo's hits as batches of lines, hour by hour, each with the token of its insert.

A batch is a function of seed, size and hour alone: a token always names the same lines, and the
store drops what it has (docs/delivery.md). So a run that was cut short, or one of the next day,
only adds what is missing. Memory: one batch and the hits that visits carry over into the next hour.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from deploy.demo.mail import Mail
from deploy.demo.people import mixed
from deploy.demo.visits import HOUR_MS, Act, Visits, start_of
from schemas.hit import encode, head_after_id, rfc3339

# Rises when the same seed makes other hits, so that no token names two batches.
MADE_AS: Final = 1
BATCH_ROWS_MAX: Final = 100_000


class DemoBatch(NamedTuple):
    """Lines of one hour to insert at once, under one token."""

    at: datetime
    token: str
    rows: int
    data: bytes


class Month:
    """Makes the hits of any hours, for one seed and an average number of hits a day."""

    def __init__(self, seed: int, hits_per_day: float) -> None:
        self._name = f"demo-{MADE_AS}-{seed}-{hits_per_day:.6g}"
        tag = f"{mixed(seed, int(hits_per_day * 1_000), MADE_AS) & 0xFFFFFFFF:08x}"
        # In every id: what tells these hits from all others.
        self.id_parts = (tag[:3], tag[3:])
        self._visits = Visits(seed, hits_per_day)
        self._mail = Mail(seed, hits_per_day, self._visits)

    def acts(self, at: datetime) -> Iterator[Act]:
        """Yield what begins in the hour of `at` (UTC); not in order of time."""
        day = at.date()
        return chain(self._mail.hour(day, at.hour), self._visits.hour(day, at.hour))

    def batches(self, since: datetime, until: datetime) -> Iterator[DemoBatch]:
        """Yield the batches of whole hours, `until` not included."""
        before = since - timedelta(hours=1)
        carried = [line for line, is_late in self._lines(before) if is_late]
        at = since
        while at < until:
            lines, carried, number = carried, [], 0
            for line, is_late in self._lines(at):
                if is_late:
                    carried.append(line)
                    continue
                lines.append(line)
                if len(lines) == BATCH_ROWS_MAX:
                    yield self._batch(at, number, lines)
                    lines, number = [], number + 1
            if lines:
                yield self._batch(at, number, lines)
            at += timedelta(hours=1)

    def _batch(self, at: datetime, number: int, lines: list[bytes]) -> DemoBatch:
        token = f"{self._name}-{at:%Y%m%dT%H}-{number}"
        return DemoBatch(at, token, len(lines), b"".join(lines))

    def _lines(self, at: datetime) -> Iterator[tuple[bytes, bool]]:
        """Yield the lines of what begins in an hour, and whether each falls into the next."""
        start_ms = start_of(at.date(), at.hour)
        ends_ms = start_ms + HOUR_MS
        # Of version 7 (RFC 9562): the time, `id_parts`, the hour, a number within the hour.
        after_time = f"-7{self.id_parts[0]}-8{start_ms // HOUR_MS & 0xFFF:03x}-{self.id_parts[1]}"
        # Hits are not in order of time, so each second's text is made once and kept for the hour.
        seconds: dict[int, str] = {}
        for number, (time_ms, endpoint, method, members, visit) in enumerate(self.acts(at)):
            second, ms = divmod(time_ms, 1000)
            text = seconds.get(second)
            if text is None:
                text = seconds[second] = rfc3339(time_ms)[:-4]
            time = f"{time_ms:012x}"
            after_id = head_after_id(f"{text}{ms:03d}Z", endpoint, method)
            head = f'{{"id":"{time[:8]}-{time[8:]}{after_time}{number:07x}{after_id}'
            yield encode(head, members, visit.tail), time_ms >= ends_ms
