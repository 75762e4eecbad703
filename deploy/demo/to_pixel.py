"""The demo through the pixel endpoint of a running collector: what a browser would send, now.

Visitors keep the cookie that the collector gives them, as browsers do, up to a bound. Events that a
site's server would send, and clicks, which need a signature, are left out. Addresses are those of
this machine.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final, NamedTuple
from urllib.parse import urlencode

import aiohttp

from deploy.demo.month import Month
from deploy.demo.visits import Act
from deploy.progress import Progress
from schemas.hit import FIELDS

# Requests under way at once, and browsers whose cookies are kept.
REQUESTS_MAX: Final = 64
COOKIES_MAX: Final = 100_000
CONNECT_SECONDS_MAX: Final = 5
# Hours as busy as this are played, so that an hour always has something to send.
HITS_PER_DAY: Final = 50_000.0
_TEXTS: Final = {
    field.name: field.parameter
    for field in FIELDS
    if field.parameter and field.json_type in ("string", "number")
}
_TIMES: Final = ("client_time", "sent_at")


class CollectorAway(Exception):
    """The collector does not answer as one."""


class Plan(NamedTuple):
    """What to send, and where."""

    pixel: str
    seed: int
    hits: int
    rate: float


async def send_to_pixel(plan: Plan) -> None:
    """Send the hits at the rate, and print how many the collector answered."""
    timeout = aiohttp.ClientTimeout(total=30, sock_connect=CONNECT_SECONDS_MAX)
    connector = aiohttp.TCPConnector(limit=REQUESTS_MAX)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        at = await _time_of(session, plan.pixel)
        browsers = _Browsers(session, plan.pixel)
        progress = Progress(sys.stderr, "hits", plan.hits, monotonic)
        await _send_all(browsers, _in_order(plan, at), plan, progress)
        progress.close()
    print(f"{browsers.answered} hits were answered by {plan.pixel}")


async def _time_of(session: aiohttp.ClientSession, pixel: str) -> datetime:
    """Return the collector's time; raises CollectorAway if there is none at this address."""
    try:
        async with session.get(pixel.rpartition("/")[0] + "/robots.txt") as response:
            return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
        raise CollectorAway(f"no collector answers at {pixel}: {error} (--pixel)") from error


def _in_order(plan: Plan, at: datetime) -> Iterator[Act]:
    """Yield the acts of an hour, then of the next, in order of time; `plan.hits` in all."""
    month = Month(plan.seed, HITS_PER_DAY)
    left = plan.hits
    while True:
        acts = [act for act in month.acts(at) if act.endpoint in ("pixel", "beacon")]
        for act in sorted(acts, key=lambda act: act.time_ms):
            yield act
            left -= 1
            if not left:
                return
        at += timedelta(hours=1)


async def _send_all(
    browsers: "_Browsers", acts: Iterator[Act], plan: Plan, progress: Progress
) -> None:
    began = monotonic()
    tasks: set[asyncio.Task[None]] = set()
    for number, act in enumerate(acts):
        await asyncio.sleep(max(0.0, began + number / plan.rate - monotonic()))
        tasks.add(asyncio.create_task(browsers.send(act)))
        progress.add(1)
        while len(tasks) >= REQUESTS_MAX:
            tasks = await _settle(tasks, asyncio.FIRST_COMPLETED)
    await _settle(tasks, asyncio.ALL_COMPLETED)


async def _settle(tasks: set[asyncio.Task[None]], when: str) -> set[asyncio.Task[None]]:
    if not tasks:
        return tasks
    done, waiting = await asyncio.wait(tasks, return_when=when)
    for task in done:
        task.result()
    return waiting


class _Browsers:
    """Sends hits as the browsers of the demo's visitors."""

    def __init__(self, session: aiohttp.ClientSession, pixel: str) -> None:
        self.answered = 0
        self._session = session
        self._pixel = pixel
        self._cookies: OrderedDict[str, str] = OrderedDict()

    async def send(self, act: Act) -> None:
        """Send one hit and keep the cookie that it is answered with."""
        who = act.visit.visitor
        headers = {"User-Agent": who.agent.text, "Accept-Language": who.language}
        headers |= _hint_headers(who.agent.hints)
        if who.consent_source == "gpc":
            headers["Sec-GPC"] = "1"
        if cookie := self._cookies.get(who.id):
            headers["Cookie"] = cookie
        try:
            async with self._session.get(
                f"{self._pixel}?{query_of(act)}", headers=headers
            ) as response:
                await response.read()
                if response.status != 200:
                    raise CollectorAway(f"{self._pixel} answers {response.status} (--pixel)")
                given = response.headers.get("Set-Cookie", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CollectorAway(f"{self._pixel} does not answer: {error} (--pixel)") from error
        self.answered += 1
        if given and who.id:
            self._cookies[who.id] = given.partition(";")[0]
            if len(self._cookies) > COOKIES_MAX:
                self._cookies.popitem(last=False)


def query_of(act: Act) -> str:
    """Return the pixel's query for an act: members as their parameters, and the consent."""
    query = {_TEXTS[name]: str(value) for name, value in act.members.items()
             if name in _TEXTS and name not in _TIMES}  # fmt: skip
    query |= {f"p.{name}": value for name, value in act.members.get("properties", {}).items()}
    if user_id := act.visit.members.get("user_id"):
        query["uid"] = user_id
    query["consent"] = act.visit.visitor.consent
    return urlencode(query)


def _hint_headers(hints: str) -> dict[str, str]:
    if not hints:
        return {}
    names = ("Sec-CH-UA", "Sec-CH-UA-Mobile", "Sec-CH-UA-Platform")
    return dict(zip(names, hints.split(" | "), strict=True))
