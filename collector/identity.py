"""Ids of hits and visitors, and a cookie's value in its header.

Random bytes come from a pool, since a system call per id costs 0.5 µs (EPYC, CPython 3.11,
2026-11); a process that forks must not share one. Knows nothing of consent.
"""

import re
from collections.abc import Callable
from typing import Final

POOL_BYTES = 4096
_DIGITS_PER_TAKE = 32
UUID_PATTERN: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID = re.compile(UUID_PATTERN)
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class IdPool:
    """Makes UUIDs (RFC 9562) from random bytes fetched many at a time."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._digits = ""
        self._at = 0

    def hit_id_series(self, time_ms: int) -> tuple[str, int]:
        """Return the start of the hit ids of a millisecond, and the number of the first.

        An id is the start and the number in 12 hex digits, the next id's number is one more: UUIDs
        of version 7 with a counter seeded at random each millisecond (RFC 9562 section 6.2, method
        1). 26 random bits and the counter's 47 keep the workers of a farm apart.
        """
        r = self._take()
        t = f"{time_ms:012x}"
        start = f"{t[:8]}-{t[8:]}-7{r[:3]}-{_VARIANT[r[3]]}{r[4:7]}-"
        # The top bit stays clear: room to count.
        return start, int(r[7:19], 16) >> 1

    def visitor_id(self) -> str:
        """Return a UUID of version 4: 122 random bits."""
        r = self._take()
        return f"{r[:8]}-{r[8:12]}-4{r[12:15]}-{_VARIANT[r[15]]}{r[16:19]}-{r[19:31]}"

    def _take(self) -> str:
        at = self._at
        if at + _DIGITS_PER_TAKE > len(self._digits):
            self._digits = self._random_bytes(POOL_BYTES).hex()
            at = 0
        self._at = at + _DIGITS_PER_TAKE
        return self._digits[at : self._at]


def hash_id(h: str) -> str:
    """Return 32 hex digits of a hash as a UUID of version 8."""
    return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:]}"


def cookie_value(cookies: bytes, wanted: bytes) -> str:
    """Return the value of the first cookie that `wanted`, its name and ``=``, begins, or empty.

    The syntax is that of RFC 6265 section 4.2.1.
    """
    at = cookies.find(wanted)
    if at < 0:
        return ""
    if at == 0 or cookies.startswith(b"; ", at - 2):
        value = cookies[at + len(wanted) :].partition(b";")[0]
    else:
        pairs = (pair.strip() for pair in cookies.split(b";"))
        value = next((pair[len(wanted) :] for pair in pairs if pair.startswith(wanted)), b"")
    return value.decode("latin-1").strip('" \t')


def is_visitor_id(text: str) -> bool:
    """Tell whether a text has the form of a visitor's id."""
    return _UUID.fullmatch(text) is not None
