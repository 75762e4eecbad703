"""What people and bots do on the demo's sites: visits as sequences of acts.

An act is a hit before it has an id: when, how it came, its members, and the visit it belongs to.
Each hour is made from a random generator of its own, so the same hour is the same in every run.
Pure.
"""

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

from deploy.demo.people import Visit, Visitor, uuid_text, visit_of, visitor
from deploy.demo.world import (
    ARRIVALS_AGAIN,
    ARRIVALS_FIRST,
    BOTS,
    SITES,
    SLOTS,
    Agent,
    Arrival,
    Site,
    hour_share,
    slots,
)
from schemas.hit import encode_tail, rfc3339

HOUR_MS: Final = 3_600_000
# A visit's hits are within this of its start, so an hour's visits end in the next hour.
VISIT_MS_MAX: Final = HOUR_MS
# Of all hits those of email (`deploy.demo.mail`) and of bots; of visits those by new visitors.
MAIL_SHARE: Final = 0.045
BOT_SHARE: Final = 0.06
NEW_SHARE: Final = 0.6
# Hits of an average visit, to guess how many visitors a day has.
VISIT_HITS: Final = 4.0
DAYS_BACK_MAX: Final = 60
READ_SECONDS: Final = 38.0
# How a conversion is reported: by the browser alone (12 %), by the server alone (8 %), by both.
BROWSER_ONLY: Final = 0.12
SERVER_ONLY: Final = 0.08

_SITES: Final = slots([(at, site.share) for at, site in enumerate(SITES)])
_BOT_LANGUAGE: Final = "en"


class Act(NamedTuple):
    """One hit to be."""

    time_ms: int
    endpoint: str
    method: str
    members: dict[str, Any]
    visit: Visit


class Visits:
    """Makes the visits of any hour, for one seed and size."""

    def __init__(self, seed: int, hits_per_day: float) -> None:
        self._seed = seed
        self._hits_per_day = hits_per_day
        self._born_per_day = [
            max(20, int(hits_per_day / VISIT_HITS * site.share * NEW_SHARE)) for site in SITES
        ]
        self._urls = [
            {path: f"https://{site.host}{path}" for path in {*site.entries, *site.pages}
             | {step.path for step in site.goal}}
            for site in SITES
        ]  # fmt: skip

    def hour(self, day: date, hour: int) -> Iterator[Act]:
        """Yield the acts of visits that begin in an hour (UTC); not in order of time."""
        random = Random(f"{self._seed}/{day}/{hour}")  # noqa: S311 - not for secrets
        wanted = self._hits_per_day * hour_share(day.weekday(), hour) * (1 - MAIL_SHARE)
        # What the hour has is a whole number, and right on average.
        left = int(wanted + random.random())
        start_ms = start_of(day, hour)
        while left > 0:
            at_ms = start_ms + int(random.random() * HOUR_MS)
            if random.random() < BOT_SHARE:
                acts = self._bot(random, at_ms)
            else:
                acts = self._visit(random, day, at_ms)
            for act in acts:
                yield act
                left -= 1
                if not left:
                    break

    def regular(self, site: int, number: int) -> Visitor:
        """Return a visitor who is known by a user id and has consented, for email."""
        found = visitor(self._seed, site, 0, number)
        return found._replace(
            consent="granted", consent_source="parameter", user_id=found.user_id or f"m{number}"
        )

    def of_mail(
        self, random: Random, at_ms: int, site: int, who: Visitor, campaign: str
    ) -> Iterator[Act]:
        """Yield the visit that a click in a mail leads to."""
        query = f"utm_source=newsletter&utm_medium=email&utm_campaign={campaign}"
        return self._walk(random, at_ms, site, who, Arrival("", query), 2.0)

    def _visit(self, random: Random, day: date, at_ms: int) -> Iterator[Act]:
        site = _SITES[int(random.random() * SLOTS)]
        born = self._born_per_day[site]
        if random.random() < NEW_SHARE:
            who = visitor(self._seed, site, day.toordinal(), int(random.random() * born))
            arrival = ARRIVALS_FIRST[int(random.random() * SLOTS)]
            return self._walk(random, at_ms, site, who, arrival, 1.0)
        # Most come back soon, and some of a day's visitors far more often than others.
        days_back = min(1 + int(random.expovariate(0.18)), DAYS_BACK_MAX)
        number = int(born * random.random() ** 1.6)
        who = visitor(self._seed, site, day.toordinal() - days_back, number)
        arrival = ARRIVALS_AGAIN[int(random.random() * SLOTS)]
        return self._walk(random, at_ms, site, who, arrival, 1.7)

    def _walk(
        self,
        random: Random,
        at_ms: int,
        number: int,
        who: Visitor,
        arrival: Arrival,
        eagerness: float,
    ) -> Iterator[Act]:
        """Yield a visit's page views, and the steps towards the site's goal if it tries for it."""
        site, urls = SITES[number], self._urls[number]
        visit = visit_of(who, uuid_text(random.getrandbits(64), random.getrandbits(64), 4))
        ends_ms = at_ms + VISIT_MS_MAX
        url = urls[site.entries[int(random.random() * len(site.entries))]]
        members = {"site": site.key, "event": "PageView", "url": url}
        if arrival.query and visit.has_query:
            click = f"{random.getrandbits(96):024x}"
            members["url"] = f"{url}?{arrival.query.replace('{click}', click)}"
        if arrival.referrer:
            members["referrer"] = arrival.referrer
        yield Act(at_ms, "pixel", "GET", members, visit)
        stay = 0.55 if eagerness == 1.0 else 0.68
        while random.random() < stay:
            at_ms += _pause_ms(random)
            if at_ms >= ends_ms:
                return
            last, url = url, urls[site.pages[int(random.random() * len(site.pages))]]
            members = {"site": site.key, "event": "PageView", "url": url, "referrer": last}
            yield Act(at_ms, "pixel", "GET", members, visit)
        if random.random() < site.goal_share * eagerness:
            yield from self._try_goal(random, at_ms, ends_ms, number, url, visit)

    def _try_goal(
        self, random: Random, at_ms: int, ends_ms: int, number: int, last: str, visit: Visit
    ) -> Iterator[Act]:
        site, urls = SITES[number], self._urls[number]
        for step in site.goal:
            at_ms += _pause_ms(random)
            if at_ms >= ends_ms - HOUR_MS // 60:
                return
            url = urls[step.path]
            members: dict[str, Any] = {"site": site.key, "event": step.event, "url": url}
            if url != last:
                members["referrer"] = last
            if step.event == "PageView":
                yield Act(at_ms, "pixel", "GET", members, visit)
            elif step.event in ("Purchase", "Subscribe", "Signup"):
                yield from self._convert(random, at_ms, site, members, visit)
            else:
                members["client_time"] = rfc3339(at_ms - 40 - int(random.expovariate(0.01)))
                yield Act(at_ms, "beacon", "POST", members, visit)
            last = url
            if random.random() >= step.share_onward:
                return

    def _convert(
        self, random: Random, at_ms: int, site: Site, members: dict[str, Any], visit: Visit
    ) -> Iterator[Act]:
        """Yield a conversion as the browser and the site's server report it: one event id."""
        members["event_id"] = f"{site.key}-{random.getrandbits(48):012x}"
        if members["event"] == "Purchase":
            items = 1 + int(random.expovariate(1.2))
            price = sum(site.prices[int(random.random() * len(site.prices))] for _ in range(items))
            members["value"] = round(price, 2)
            members["currency"] = site.currency
            members["properties"] = {"items": str(items)}
        how = random.random()
        if how >= SERVER_ONLY:
            if random.random() < 0.01:
                browser = {key: of for key, of in members.items() if key != "value"}
                browser["problems"] = ["value: not a number"]
            else:
                browser = members
            yield Act(at_ms, "beacon", "POST", browser, visit)
        if how < SERVER_ONLY or how >= SERVER_ONLY + BROWSER_ONLY:
            server = {key: of for key, of in members.items() if key != "referrer"}
            server["api_key"] = f"{site.key}-server"
            late_ms = 300 + int(random.expovariate(0.001))
            yield Act(
                at_ms + min(late_ms, HOUR_MS // 60), "api", "POST", server, server_visit(visit)
            )

    def _bot(self, random: Random, at_ms: int) -> Iterator[Act]:
        number = _SITES[int(random.random() * SLOTS)]
        site, urls = SITES[number], self._urls[number]
        agent = BOTS[int(random.random() * SLOTS)]
        visit = machine_visit(agent, f"198.19.255.{random.getrandbits(8)}")
        for _ in range(1 + int(random.expovariate(0.25))):
            url = urls[site.pages[int(random.random() * len(site.pages))]]
            members = {"site": site.key, "event": "PageView", "url": url}
            yield Act(at_ms, "pixel", "GET", members, visit)
            at_ms += 500 + int(random.random() * 4_000)


def start_of(day: date, hour: int) -> int:
    """Return when an hour (UTC) begins, in milliseconds since 1970."""
    return ((day.toordinal() - date(1970, 1, 1).toordinal()) * 24 + hour) * HOUR_MS


def machine_visit(agent: Agent, address: str) -> Visit:
    """Return the visit of a program, which takes no cookie and is asked for no consent."""
    return visit_of(Visitor("", "denied", "default", agent, _BOT_LANGUAGE, address, ""), "")


def server_visit(visit: Visit) -> Visit:
    """Return what a site's server says of the visitor: who it is by the site's own id, no more."""
    who = visit.visitor
    user_id = who.user_id or f"g{who.id[:8]}"
    members: dict[str, Any] = {"user_id": user_id} if visit.has_person else {}
    return without_browser(members, who)


def without_browser(members: dict[str, Any], who: Visitor) -> Visit:
    """Return the visit of hits that a server sends: its own members and the consent."""
    members = {**members, "consent": who.consent, "consent_source": who.consent_source}
    return Visit(members, encode_tail(members), True, True, who)


def _pause_ms(random: Random) -> int:
    """Return how long a page is looked at."""
    return 2_000 + int(random.expovariate(1 / READ_SECONDS) * 1_000)
