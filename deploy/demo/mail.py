"""Email in the demo: each site's two mailings a week, who opened them and who clicked.

A mailing's opens fall into the days after it, so an hour looks back at the mailings it belongs to.
Who opened is told by the collector's own rules. Pure.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from math import exp
from random import Random
from typing import Any, Final, NamedTuple

from collector.client_address import whole_and_cut
from deploy.demo.people import Visit, Visitor, mixed
from deploy.demo.visits import HOUR_MS, Act, Visits, start_of, without_browser
from deploy.demo.world import SITES, Agent
from schemas.email_opens import Opening, classify
from schemas.hit import encode_tail, rfc3339

# Tuesday and Thursday, at 8 o'clock UTC.
WEEKDAYS: Final = {1: "news", 3: "offers"}
SENT_HOUR: Final = 8
AGE_HOURS_MAX: Final = 72
# Recipients of a mailing, as a share of an average day's hits.
RECIPIENTS_SHARE: Final = 0.1
# Of human opens.
CLICK_SHARE: Final = 0.14
CLICK_MS_MAX: Final = 80_000


class Opener(NamedTuple):
    """A way that mails are opened: by which share of recipients, and in how many hours to 1 - 1/e.

    Without agent and address: by the recipient's own browser.
    """

    agent: str
    address: str
    share: float
    hours: float


OPENERS: Final = (
    Opener("Mozilla/5.0", "198.19.240.1", 0.27, 1.0),
    Opener("", "", 0.14, 9.0),
    Opener("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com "
           "GoogleImageProxy)", "198.19.241.1", 0.12, 8.0),
    Opener("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
           "198.19.242.1", 0.03, 6.0),
)  # fmt: skip


class _Mailing(NamedTuple):
    site: int
    campaign: str
    sent_ms: int
    recipients: int


class Mail:
    """Makes the email of any hour, for one seed and size."""

    def __init__(self, seed: int, hits_per_day: float, visits: Visits) -> None:
        self._seed = seed
        self._visits = visits
        self._recipients = [hits_per_day * RECIPIENTS_SHARE * site.share for site in SITES]

    def hour(self, day: date, hour: int) -> Iterator[Act]:
        """Yield an hour's acts of email; not in order of time."""
        random = Random(f"{self._seed}/{day}/{hour}/mail")  # noqa: S311 - not for secrets
        for back in range(AGE_HOURS_MAX // 24 + 1):
            sent_on = day - timedelta(days=back)
            age = back * 24 + hour - SENT_HOUR
            kind = WEEKDAYS.get(sent_on.weekday())
            if kind is None or not 0 <= age < AGE_HOURS_MAX:
                continue
            for site in range(len(SITES)):
                mailing = _Mailing(
                    site,
                    f"{SITES[site].key}-{kind}-{sent_on}",
                    start_of(sent_on, SENT_HOUR),
                    int(self._recipients[site] + mixed(self._seed, site) % 1000 / 1000),
                )
                yield from self._of_mailing(random, mailing, start_of(day, hour), age)

    def _of_mailing(
        self, random: Random, mailing: _Mailing, hour_ms: int, age: int
    ) -> Iterator[Act]:
        if age == 0:
            for number in range(mailing.recipients):
                yield self._sent(mailing, number)
        for opener in OPENERS:
            now_share = opener.share * exp(-age / opener.hours) * (1 - exp(-1 / opener.hours))
            for _ in range(int(mailing.recipients * now_share + random.random())):
                # A click is in the same hour as its open.
                at_ms = hour_ms + int(random.random() * (HOUR_MS - CLICK_MS_MAX))
                number = int(random.random() * mailing.recipients)
                yield from self._opened(random, mailing, number, opener, at_ms)

    def _sent(self, mailing: _Mailing, number: int) -> Act:
        members = {"site": SITES[mailing.site].key, "event": "Sent",
                   "api_key": f"{SITES[mailing.site].key}-mailer",
                   **_of_message(mailing, number)}  # fmt: skip
        who = self._visits.regular(mailing.site, number)
        return Act(_sent_ms(mailing, number), "api", "POST", members, without_browser({}, who))

    def _opened(
        self, random: Random, mailing: _Mailing, number: int, opener: Opener, at_ms: int
    ) -> Iterator[Act]:
        who = self._visits.regular(mailing.site, number)
        at_ms = max(at_ms, _sent_ms(mailing, number) + 8_000)
        agent, address = opener.agent or who.agent.text, opener.address or who.address
        visit = _mail_visit(agent, address, who)
        opened_by, reason = classify(Opening(agent, address, seconds=3600))
        about = {"site": SITES[mailing.site].key, **_of_message(mailing, number),
                 "opened_by": opened_by, "opened_by_reason": reason}  # fmt: skip
        yield Act(at_ms, "pixel", "GET", {"event": "Open", **about}, visit)
        if opened_by == "human" and random.random() < CLICK_SHARE:
            at_ms += 4_000 + int(random.random() * (CLICK_MS_MAX - 20_000))
            link = f"https://{SITES[mailing.site].host}/"
            browser = _mail_visit(who.agent.text, who.address, who)
            clicked = {"event": "Click", "link_url": link, **about}
            clicked["opened_by_reason"] = classify(
                Opening(who.agent.text, who.address, seconds=3600)
            )[1]
            yield Act(at_ms, "click", "GET", clicked, browser)
            yield from self._visits.of_mail(
                random, at_ms + 700, mailing.site, who, mailing.campaign
            )


def _of_message(mailing: _Mailing, number: int) -> dict[str, Any]:
    return {
        "campaign_id": mailing.campaign,
        "message_id": f"{mailing.campaign}-{number}",
        "recipient_id": f"r{number}",
        "sent_at": rfc3339(_sent_ms(mailing, number)),
    }


def _sent_ms(mailing: _Mailing, number: int) -> int:
    """Return when a message was sent: a mailing takes twenty minutes."""
    return mailing.sent_ms + number * 1_200_000 // max(mailing.recipients, 1)


def _mail_visit(agent: str, address: str, who: Visitor) -> Visit:
    """Return what is known of who opens a mail: no cookie, since mail programs take none."""
    members = {"ip": whole_and_cut(address)[0], "user_agent": agent,
               "consent": who.consent, "consent_source": who.consent_source}  # fmt: skip
    seen_as = who._replace(agent=Agent(agent), address=address, id="")
    return Visit(members, encode_tail(members), True, True, seen_as)
