"""Which dead letters are meant: their names, filters, and the condition in SQL that says so.

A letter's name is ``SOURCE:POSITION``. Any text goes into SQL as hexadecimal, so that no character
of it can end the string. Pure; must not know how letters are fetched.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_AGO = re.compile(r"(\d{1,9})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
POSITION_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True, order=True)
class LetterName:
    """Where a letter stood: its source, its position there."""

    source: str
    position: int

    @classmethod
    def parse(cls, text: str) -> "LetterName":
        """Return the name that ``SOURCE:POSITION`` says; ValueError is for a person."""
        source, _, position = text.rpartition(":")
        if not source or not re.fullmatch(r"[0-9]{1,20}", position):
            raise ValueError(f"{text!r} is no letter: SOURCE:POSITION, as `list` prints it")
        if int(position) > POSITION_MAX:
            raise ValueError(f"{text!r} is no letter: its position is over {POSITION_MAX}")
        return cls(source, int(position))

    def __str__(self) -> str:
        return f"{self.source}:{self.position}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Letters to which all of this applies; nothing given: all that are not in hits yet.

    `source` is a name's beginning, `reason` a part of it in any case, `since` is SQL of
    `parse_since`; `names` are single letters; `replayed` adds those that are in hits by now.
    """

    source: str = ""
    reason: str = ""
    since: str = ""
    names: tuple[LetterName, ...] = ()
    replayed: bool = False

    def condition(self) -> str:
        """Return the condition on `dead_letter_states`."""
        parts = [] if self.replayed else ["outcome != 'kept'"]
        if self.source:
            parts.append(f"startsWith(source, {sql_text(self.source)})")
        if self.reason:
            parts.append(f"positionCaseInsensitiveUTF8(reason, {sql_text(self.reason)}) > 0")
        if self.since:
            parts.append(f"inserted_at >= {self.since}")
        if self.names:
            parts.append(f"(source, position) IN ({', '.join(map(sql_name, self.names))})")
        return " AND ".join(parts) or "true"


def parse_since(text: str) -> str:
    """Return the time that `text` says as SQL: ``90s``, ``15m``, ``2h``, ``3d`` ago, or RFC 3339.

    A time without a zone is UTC. ValueError is for a person.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return f"now64(3) - toIntervalSecond({int(ago[1]) * _UNIT_SECONDS[ago[2]]})"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no time: 15m, 2h or 3d ago, or as 2026-11-24T06:00:00"
        ) from error
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return f"toDateTime64('{moment:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"


def sql_text(text: str | bytes) -> str:
    """Return any text or bytes as an expression of SQL."""
    data = text.encode() if isinstance(text, str) else text
    return f"unhex('{data.hex()}')"


def sql_name(name: LetterName) -> str:
    """Return a letter's name as a tuple of SQL."""
    return f"({sql_text(name.source)}, {name.position})"
