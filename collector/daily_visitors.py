"""Visitors without a cookie: an id of the day, hashed from address, user agent and site.

The hash has a salt that lives for one day (UTC) and is random, so that nobody, we included, can
say afterwards who an id was, or that two days' ids are the same person. The workers of a machine
share it by one small file, which is locked, and written over in place when the day ends; a worker
that finds yesterday's salt replaces it before its first hit. Machines have salts of their own, so
one visitor is two if a load balancer sends the requests to both.

Knows nothing of consent.
"""

import fcntl
import logging
import os
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from collector.identity import hash_id

log = logging.getLogger(__name__)

FILE_NAME: Final = "daily.salt"
SALT_BYTES: Final = 32
DAY_MS: Final = 86_400_000
_CONTENT: Final = re.compile(r"(\d{1,9}) ([0-9a-f]{64})\n")


class DailyVisitors:
    """Makes the day's ids. The file is touched once a day, and when the worker starts."""

    def __init__(self, path: Path, random_bytes: Callable[[int], bytes]) -> None:
        self._path = path
        self._random_bytes = random_bytes
        self._day = -1
        self._salt = b""

    def refresh(self, now_ms: int) -> None:
        """Give up yesterday's salt, if it still is that; once a second is fine."""
        day = now_ms // DAY_MS
        if day <= self._day:
            return
        self._day = day
        try:
            self._salt = self._shared_salt(day)
        except OSError as error:
            # Yesterday's is not used in any case: a worker's visitors are apart from the others'.
            self._salt = self._random_bytes(SALT_BYTES)
            log.error("daily visitors: can't share a salt in %s: %s", self._path, error)

    def visitor_id(self, now_ms: int, site: str, address: str, agent: bytes) -> str:
        """Return a visitor's id of the day, a UUID of version 8."""
        self.refresh(now_ms)
        message = b"\0".join((site.encode(), address.encode(), agent))
        return hash_id(blake2b(message, digest_size=16, key=self._salt).hexdigest())

    def _shared_salt(self, day: int) -> bytes:
        """Return the day's salt; make it if no worker did."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            found = _CONTENT.fullmatch(file.read())
            # Tomorrow's is of a worker whose clock passed midnight first.
            if found and int(found[1]) in (day, day + 1):
                return bytes.fromhex(found[2])
            salt = self._random_bytes(SALT_BYTES)
            file.seek(0)
            file.write(f"{day} {salt.hex()}\n")
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        return salt
