"""Who may use the API, and how much: a bearer key (RFC 6750), its scope, and its rate.

The rate is a token bucket per key and worker, in events: workers share nothing, so a caller with
many connections may send up to so many times the setting as there are workers.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from collector.api_keys import ApiKey, ApiKeys, Scope
from collector.problem_json import Problem
from schemas.limits import API_EVENTS_MAX

BURST_SECONDS: Final = 10
_REALM: Final = 'Bearer realm="heliograph"'


class ApiDoor:
    """Lets callers in. `now_ms` is the time since 1970, `monotonic` in seconds."""

    def __init__(
        self,
        keys: ApiKeys,
        events_per_second: int,
        now_ms: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._events_per_second = events_per_second
        self._now_ms = now_ms
        self._monotonic = monotonic
        # A request may have as many events as one may have, whatever the rate is.
        self._burst = max(events_per_second * BURST_SECONDS, API_EVENTS_MAX)
        # By key: what may be sent now, and when that was so.
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, request: web.Request, scope: Scope) -> ApiKey:
        """Return the caller's key; raises Problem (401, 403) if it may not do this."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(
                401, "a key is needed: Authorization: Bearer hg.…", {"WWW-Authenticate": _REALM}
            )
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        key = self._keys.find(token.strip(), now)
        if key is None:
            headers = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
            raise Problem(401, "the key is not known here, or no longer good", headers)
        if scope not in key.scopes:
            headers = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'}
            raise Problem(403, f"key {key.name} has no scope {scope}", headers)
        return key

    def spend(self, key: ApiKey, events: int) -> None:
        """Take events off a key's rate; raises Problem (429), with nothing taken, past it."""
        if not self._events_per_second:
            return
        now = self._monotonic()
        left, at = self._buckets.get(key.name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._events_per_second)
        if events > left:
            wait_seconds = math.ceil((events - left) / self._events_per_second)
            raise Problem(
                429,
                f"key {key.name} may send {self._events_per_second} events a second",
                {"Retry-After": str(wait_seconds)},
            )
        self._buckets[key.name] = (left - events, now)
