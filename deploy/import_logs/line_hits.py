"""Requests of an old pixel to hits, by the collector's own rules of consent and parameters.

Nobody is told apart from another: an old log has no cookie of ours. A batch's ids follow from its
token, so the same range of a file makes the same hits.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import shake_256
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from collector.build_hit import HitBuilder
from collector.consent import ConsentReader, Decision
from collector.consent_words import Level
from collector.daily_visitors import DailyVisitors
from collector.facts import FactsReader, Kept
from collector.identity import POOL_BYTES
from collector.metrics import Counters
from collector.secrets import KEY_BYTES, Secrets
from collector.settings import CollectorSettings
from collector.sites import Sites
from collector.visitor_cookie import VisitorCookie
from deploy.import_logs.formats import BadLine, Request
from schemas.hit import rfc3339

METHODS: Final = ("GET", "HEAD")
STATUS_MAX: Final = 399
# RFC 3339 with four digits; what the table's time can hold.
TIME_MS_MAX: Final = 10_413_791_999_999


class LineHits:
    """Makes hits of one import's requests."""

    def __init__(
        self,
        settings: CollectorSettings,
        *,
        path: str,
        renamed: Mapping[str, str],
        consent: Level,
        site: str,
    ) -> None:
        self._settings = settings.model_copy(
            update={"visitor_kind": "none", "recipients_signed": False, "trusted_proxies": ()}
        )
        self._path = path
        self._renamed = renamed
        self._decision = Decision(consent, "default")
        self._site = site
        self._sites = Sites(self._settings)
        self._consent = ConsentReader(self._settings)
        # Nothing in an old log is signed by us: any key refuses it.
        self._secrets = Secrets([bytes(KEY_BYTES)])
        self._cookie = VisitorCookie(self._settings, self._secrets.signer("cookie"))
        self._facts = FactsReader(self._settings, self._consent, self._cookie)
        self._now_ms = 0

    def is_pixel(self, request: Request) -> bool:
        """Tell whether a request is one for the pixel, that was answered."""
        return (
            request.path == self._path
            and request.method in METHODS
            and request.status <= STATUS_MAX
        )

    def of_batch(self, token: str) -> Callable[[Request], bytes]:
        """Return what makes the hits of one batch; it raises BadLine for what is refused."""
        builder = HitBuilder(
            self._settings, Counters(), lambda: self._now_ms, _bytes_of(token), self._sites,
            self._secrets, self._consent, self._cookie, DailyVisitors(Path(), _bytes_of(token)),
        )  # fmt: skip

        def line(request: Request) -> bytes:
            if not 0 <= request.time_ms <= TIME_MS_MAX:
                raise BadLine(f"no time that can be kept: {rfc3339(0)} to the year 2299")
            self._now_ms = request.time_ms
            facts = self._facts.read(_headers(request), _address(request.address))
            # What holds if the request says nothing: of this import, whatever the site says.
            facts.do_not_track = facts.do_not_track or self._decision
            built, _ = builder.from_query(facts, self._query(request.query), request.method)
            if not built:
                raise BadLine("of no site in collector.sites_file")
            return built

        return line

    def _query(self, query: str) -> str:
        """Return the query with our names of its parameters; an empty name drops one."""
        pairs = []
        for pair in query.split("&"):
            name, separator, value = pair.partition("=")
            name = self._renamed.get(name, name)
            if name and separator:
                pairs.append(f"{name}={value}")
        if self._site and not any(pair.startswith("site=") for pair in pairs):
            pairs.append(f"site={self._site}")
        return "&".join(pairs)


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    """Return an address; empty for a name, or anything else that a log may have in its place."""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _headers(request: Request) -> Kept:
    said: Sequence[tuple[bytes, str]] = (
        (b"user-agent", request.agent),
        (b"referer", request.referrer),
        (b"accept-language", request.language),
    )
    return {name: value.encode(errors="replace") for name, value in said if value}


def _bytes_of(token: str) -> Callable[[int], bytes]:
    """Return a source of bytes that are the same for the same token."""
    count = 0

    def take(size: int) -> bytes:
        nonlocal count
        count += 1
        assert size <= POOL_BYTES
        return shake_256(f"{token}/{count}".encode()).digest(size)

    return take
