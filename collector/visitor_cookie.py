"""The visitor cookie: who it is, since when the visit lasts, when that was last written down.

Its value is ``<visitor id>.<visit began>.<written>.<signature>``, the times in minutes since 1970
(hex). It is set for a new visitor, at the start of a visit, and when it is older than
`cookie_renew_minutes`; so most answers set none, a browser that keeps coming keeps it, and a visit
ends after `visit_minutes` without a hit, less the age the cookie may have. The visit's id is made
of visitor and start: pixels of one page that begin a visit together begin the same one.

Pure; knows nothing of consent.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from collector.identity import UUID_PATTERN, hash_id, is_visitor_id
from collector.secrets import Signer
from collector.settings import CollectorSettings
from schemas.limits import COOKIE_AGE_DAYS_MAX

# Some hundred bytes each.
COOKIES_CACHED: Final = 8192

_SIGNED: Final = re.compile(
    rf"(({UUID_PATTERN})\.([0-9a-f]{{1,8}})\.([0-9a-f]{{1,8}}))\.([\w-]{{22}})"
)


class Visit(NamedTuple):
    """A visitor's visit, as the cookie has it; times in minutes since 1970, 0: none is kept."""

    visitor_id: str
    began: int
    written: int

    def session_id(self) -> str:
        """Return the visit's id: a UUID of version 8, the same for visitor and start."""
        message = f"{self.visitor_id}.{self.began:x}".encode()
        return hash_id(blake2b(message, digest_size=16).hexdigest())


class VisitorCookie:
    """Reads and writes the cookie under one collector's settings."""

    def __init__(self, settings: CollectorSettings, signer: Signer) -> None:
        self._signer = signer
        self._name = settings.cookie_name
        self._optout_name = settings.cookie_optout_name
        self._unsigned = settings.cookie_unsigned_accepted
        self._visit_minutes = settings.visit_minutes
        self._renew_minutes = settings.cookie_renew_minutes
        self._age_seconds = settings.cookie_age_days * 86400
        self._partitioned = "; Partitioned" if settings.cookie_partitioned else ""
        secure = "; Secure" if settings.cookie_secure else ""
        self._where = f"; SameSite={settings.cookie_same_site}{secure}"
        # A browser has several connections, and comes again.
        self.read = lru_cache(maxsize=COOKIES_CACHED)(self._read)

    def _read(self, value: str) -> Visit | None:
        """Return the visit of a cookie's value; None unless we gave it."""
        found = _SIGNED.fullmatch(value)
        if found:
            if not self._signer.is_signed(found[1].encode(), found[5]):
                return None
            return Visit(found[2], int(found[3], 16), int(found[4], 16))
        if self._unsigned and is_visitor_id(value):
            return Visit(value, 0, 0)
        return None

    def read_set_cookie(self, header: str) -> Visit | None:
        """Return the visit of a value that `set_cookie` made; None for an empty one."""
        return self.read(header.partition(";")[0].partition("=")[2])

    def current(self, visit: Visit, now: int) -> Visit:
        """Return the visit of a hit at minute `now`: the same object if nothing is to be set."""
        age = now - visit.written
        if age < self._renew_minutes:
            return visit
        if not self._visit_minutes:
            return Visit(visit.visitor_id, 0, now)
        lasts = visit.began and age <= self._visit_minutes
        return Visit(visit.visitor_id, visit.began if lasts else now, now)

    def first(self, visitor_id: str, now: int) -> Visit:
        """Return the first visit of a new visitor, at minute `now`."""
        return Visit(visitor_id, now if self._visit_minutes else 0, now)

    def fresh_until(self, visit: Visit) -> int:
        """Return the first minute in which the cookie is to be set anew."""
        return visit.written + self._renew_minutes

    def value(self, visit: Visit) -> str:
        """Return the cookie's value."""
        signed = f"{visit.visitor_id}.{visit.began:x}.{visit.written:x}"
        return f"{signed}.{self._signer.signature(signed.encode())}"

    def set_cookie(self, visit: Visit, domain: str) -> str:
        """Return the Set-Cookie header's value; an empty domain is the collector's own host."""
        return self._set(
            self._name, self.value(visit), self._age_seconds, domain, self._partitioned
        )

    def delete_cookie(self, domain: str) -> str:
        """Return the Set-Cookie value that makes a browser forget the visitor."""
        return self._set(self._name, "", 0, domain, self._partitioned)

    def set_optout(self, domain: str) -> str:
        """Return the Set-Cookie value of somebody who opted out, for as long as there is.

        It is never kept apart for each embedding site: the page that sets it is embedded in none.
        """
        return self._set(self._optout_name, "1", COOKIE_AGE_DAYS_MAX * 86400, domain)

    def delete_optout(self, domain: str) -> str:
        """Return the Set-Cookie value of somebody who opted in again."""
        return self._set(self._optout_name, "", 0, domain)

    def _set(self, name: str, value: str, seconds: int, domain: str, end: str = "") -> str:
        of = f"; Domain={domain}" if domain else ""
        return f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly{of}{self._where}{end}"
