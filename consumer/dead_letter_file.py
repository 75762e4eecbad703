"""Dead letters as lines of a file, for people who mend them: one JSON object each.

Members are ``source``, ``position`` and ``raw``, the line as text, or ``raw_base64`` where it is no
UTF-8. A file that comes back may have ``hit``, an object, in its place. Others are ignored.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from consumer.dead_letter_selection import POSITION_MAX, LetterName
from consumer.dead_letter_store import Letter


def encode(letter: Letter) -> bytes:
    """Return a letter as one line of a file, newline included."""
    raw = letter.raw or b""
    members: dict[str, Any] = {
        "source": letter.name.source,
        "position": letter.name.position,
        "inserted_at": letter.inserted_at,
        "reason": letter.reason,
    }
    try:
        members["raw"] = raw.decode()
    except UnicodeDecodeError:
        members["raw_base64"] = base64.b64encode(raw).decode()
    return orjson.dumps(members) + b"\n"


def decode(lines: Iterable[bytes]) -> Iterator[tuple[LetterName, bytes]]:
    """Yield each letter's name and its bytes; ValueError says which line is wrong and how."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            members = orjson.loads(line)
            yield _name(members), _raw(members)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"line {number}: {reason}") from error


def _name(members: Mapping[str, Any]) -> LetterName:
    source, position = members["source"], members["position"]
    if not isinstance(source, str) or type(position) is not int:
        raise ValueError("source must be a text and position a number")
    if not 0 <= position <= POSITION_MAX:
        raise ValueError(f"position {position} is not possible")
    return LetterName(source, position)


def _raw(members: Mapping[str, Any]) -> bytes:
    given = [name for name in ("raw", "raw_base64", "hit") if name in members]
    if len(given) != 1:
        raise ValueError("exactly one of raw, raw_base64 and hit is needed")
    value = members[given[0]]
    if given == ["hit"]:
        if not isinstance(value, dict):
            raise ValueError("hit must be an object")
        return orjson.dumps(value)
    if not isinstance(value, str):
        raise ValueError(f"{given[0]} must be a text")
    if given == ["raw"]:
        return value.encode()
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"raw_base64: {error}") from error
