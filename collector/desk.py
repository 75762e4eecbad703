"""What the application's routes share: how a request becomes a hit, and where hits go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from collector.api_door import ApiDoor
from collector.build_hit import HitBuilder
from collector.facts import KEPT, Facts, FactsReader, Kept, keep
from collector.group_commit import GroupCommit
from collector.metrics import Counters
from collector.responses import PixelAnswers
from collector.secrets import Secrets
from collector.settings import CollectorSettings
from collector.sites import Sites
from collector.visitor_cookie import VisitorCookie


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes share."""

    settings: CollectorSettings
    facts: FactsReader
    builder: HitBuilder
    answers: PixelAnswers
    commit: GroupCommit
    counters: Counters
    secrets: Secrets
    sites: Sites
    cookie: VisitorCookie
    door: ApiDoor
    clock_ms: Callable[[], int]

    def facts_of(self, request: web.Request) -> Facts:
        """Return what the request's headers say."""
        kept: Kept = {}
        for name, value in request.raw_headers:
            name = name.lower()
            if name in KEPT:
                keep(kept, name, value)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        return self.facts.read(kept, peer[0] if isinstance(peer, tuple) else "")


DESK: Final = web.AppKey("desk", Desk)
