"""A line as a Kafka record, and a source's state as the metadata of an offset commit.

The topic is an interface that others read: one record per hit, key = visitor id (else hit id),
value = the line without its newline, timestamp = received_at in milliseconds. Damage (a line that
is no hit) goes to Kafka as it is, without a key, so that the consumer's dead letters show it.

Key and time are sliced out of the line. That can't be fooled, since a line's encoder is ours
(`schemas.hit`) and JSON escapes quotes: ``"visitor_id":"`` stands only where a member's name ends.
It is the hit's own member if no ``}`` follows but the line's last byte, as then nothing nested
(`properties`, whose names people choose) was open. Any other line is parsed.

Knows nothing of connections, nor of how records are sent.
"""

from calendar import timegm
from functools import lru_cache
from time import strptime

import orjson

from schemas.delivery import State

_VISITOR_ID = b'"visitor_id":"'
_HEAD = b'{"id":"'
_MIDDLE = b'","received_at":"'
_MIDDLE_START = 43
_HEAD_BYTES = 84
_ID = slice(7, 43)
_SECOND = slice(60, 79)
_FRACTION = slice(80, 83)
_UUID_BYTES = 36

# What brokers take as metadata of an offset unless told otherwise (offset.metadata.max.bytes), and
# how many refused rows fit even so, the reasons of many cut to these lengths.
METADATA_BYTES_MAX = 4_096
REFUSALS_MAX = 100
REASON_CHARACTERS = (300, 100, 30, 10, 0)
_QUOTE = ord('"')


def key_of(line: bytes) -> bytes | None:
    """Return the key of a line (with or without its newline); None if the line is damaged."""
    start = line.rfind(_VISITOR_ID)
    if not _has_head(line):
        return None
    if start < 0:
        return line[_ID]
    start += len(_VISITOR_ID)
    end = start + _UUID_BYTES
    if line[end : end + 1] == b'"' and line.find(b"}", start) >= len(line.rstrip(b"\n")) - 1:
        return line[start:end]
    return _parsed_key(line)


def timestamp_ms_of(line: bytes) -> int | None:
    """Return when the hit was received, in milliseconds since 1970; None if it can't be read."""
    try:
        return _second_ms(line[_SECOND]) + int(line[_FRACTION])
    except ValueError:
        return None


def encode_state(state: State, source: str) -> str:
    """Return what goes into the metadata of an offset commit whose offset is `state.position`.

    It says whose state it is, since a topic made anew has the old one's offsets for a while.
    Reasons are cut short where they would not fit; REFUSALS_MAX rows always do.
    """
    members: dict[str, object] = {"of": source}
    if state.end != state.position:
        members["end"] = state.end
    for characters in REASON_CHARACTERS:
        if state.reasons:
            members["refused"] = {
                str(position): why[:characters] for position, why in state.reasons.items()
            }
        encoded = orjson.dumps(members)
        if len(encoded) <= METADATA_BYTES_MAX:
            return encoded.decode()
    raise AssertionError(f"{len(state.reasons)} refused rows don't fit into an offset's metadata")


def decode_state(offset: int, metadata: str, source: str) -> State | None:
    """Return the state that `encode_state` made the metadata of, None if it is another source's.

    Without metadata the offset was set by a person. Raises ValueError for anything else.
    """
    if not metadata:
        return State.done(offset)
    try:
        members = orjson.loads(metadata)
        if str(members["of"]) != source:
            return None
        refused = members.get("refused", {})
        reasons = {int(position): str(why) for position, why in refused.items()}
        return State(offset, int(members.get("end", offset)), reasons)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"offset metadata {metadata[:80]!r} is not ours") from error


def _has_head(line: bytes) -> bool:
    return (
        len(line) >= _HEAD_BYTES
        and line.startswith(_HEAD)
        and line.startswith(_MIDDLE, _MIDDLE_START)
    )


def _parsed_key(line: bytes) -> bytes | None:
    try:
        members = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    key = members.get("visitor_id") or members.get("id")
    return key.encode() if isinstance(key, str) else None


@lru_cache(maxsize=256)
def _second_ms(text: bytes) -> int:
    return timegm(strptime(text.decode("ascii"), "%Y-%m-%dT%H:%M:%S")) * 1000
