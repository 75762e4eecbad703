"""Who opened an email: a table of rules, and the one function that reads it.

A mail's image is loaded by the person who reads it, by a proxy on the person's behalf, by a proxy
before anybody reads, or by a scanner that no person is behind. `RULES` says how each is told, top
to bottom, the first that fits decides; each has its source. docs/email.md shows the table, a test
compares.

`RULES_VERSION` rises with every change of the table. A rule's name stands in hits for ever: it is
not used again for another meaning. Pure; knows nothing of requests and of consent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple

RULES_VERSION: Final = 1
# A message has to arrive, to be noticed and to be opened: nobody does that in so few seconds.
SECONDS_FOR_A_PERSON: Final = 5.0

OpenedBy = Literal["human", "machine", "unknown"]


class Opening(NamedTuple):
    """What is known of a request for a mail's image.

    `agent` is the User-Agent header, `address` the client's whole address, `asks_ahead` whether the
    browser says that it asks ahead of the person, `is_program` whether the agent is a known
    program, `seconds` those since the message was sent; None: not known.
    """

    agent: str
    address: str
    asks_ahead: bool = False
    is_program: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: `fits` tells whether it decides; `sign` says the same in words."""

    name: str
    opened_by: OpenedBy
    sign: str
    why: str
    source: str
    fits: Callable[[Opening], bool]


def classify(opening: Opening) -> tuple[OpenedBy, str]:
    """Return who opened a mail, and the name of the rule that said so."""
    for rule in RULES:
        if rule.fits(opening):
            return rule.opened_by, rule.name
    raise AssertionError("unreachable: the last rule fits everything")


def _agent_has(*words: str) -> Callable[[Opening], bool]:
    return lambda opening: any(word in opening.agent.lower() for word in words)


def _agent_is(text: str) -> Callable[[Opening], bool]:
    return lambda opening: opening.agent.strip() == text


def _from_networks(*texts: str) -> Callable[[Opening], bool]:
    networks = tuple(ip_network(text) for text in texts)
    return lambda opening: _is_in(opening.address, networks)


@lru_cache(maxsize=1024)
def _is_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks if parsed.version == network.version)


def _is_too_soon(opening: Opening) -> bool:
    # A negative time is a clock that is wrong, and tells nothing.
    return opening.seconds is not None and 0 <= opening.seconds < SECONDS_FOR_A_PERSON


# Where no vendor says anything and nobody has published what was seen.
_OWN_READING: Final = "our own reading"
_OUTLOOK: Final = "https://office.microsoft.com/en-us/outlook/HA102710191033.aspx"
_BARRACUDA: Final = (
    "https://campus.barracuda.com/product/emailgatewaydefense/doc/96023004/ip-analysis-inbound/"
)
_PROOFPOINT: Final = "https://proofpoint.my.site.com/support/PPSup_SupportInfo"
_GMAIL_PREFETCH: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)

RULES: Final = (
    Rule("prefetch", "machine", "`Sec-Purpose` or `Purpose` says prefetch or prerender",
         "The browser asks ahead of the person, who may never come.",
         "https://wicg.github.io/nav-speculation/prefetch.html",
         lambda opening: opening.asks_ahead),
    Rule("barracuda", "machine", "agent has `barracuda`",
         "Barracuda's link and image scans name themselves so.",
         "https://www.braze.com/docs/sms_rcs_bot_click_filtering/",
         _agent_has("barracuda")),
    Rule("barracuda-network", "machine", "from 209.222.80.0/21",
         "The network of Barracuda's Email Gateway Defense, which opens what it delivers.",
         _BARRACUDA, _from_networks("209.222.80.0/21")),
    Rule("proofpoint", "machine", "agent has `proofpoint`",
         "Proofpoint's URL Defense and sandbox look at links and images before a person does.",
         _PROOFPOINT, _agent_has("proofpoint")),
    Rule("proofpoint-network", "machine",
         "from 62.209.50.0/24, 67.231.144.0/20, 91.209.104.0/24, 208.84.64.0/22 or 208.86.200.0/22",
         "Networks that Proofpoint tells its customers to let through.",
         _PROOFPOINT, _from_networks("62.209.50.0/24", "67.231.144.0/20", "91.209.104.0/24",
                                     "208.84.64.0/22", "208.86.200.0/22")),
    Rule("mimecast", "machine", "agent has `mimecast`",
         "Mimecast's URL Protect looks at links when mail arrives and when it is read.",
         "https://mimecastsupport.zendesk.com/hc/en-us/articles/34000479767443-Web-Security-Prerequisites",
         _agent_has("mimecast")),
    Rule("safe-links", "machine", "agent has `safelinks` or `office existence discovery`",
         "Microsoft Defender's Safe Links and Office's checks of links.",
         "https://learn.microsoft.com/en-us/defender-office-365/safe-links-about",
         _agent_has("safelinks", "office existence discovery")),
    Rule("scanner", "machine", "agent has `ironport`, `ciscosecureemail`, `trendmicro`, `sophos`, "
         "`fireeye`, `fortimail`, `symantec`, `messagelabs` or `checkpoint`",
         "Other mail gateways that name themselves.",
         "https://check.live-direct-marketing.online/blog/bot-clicks-security-scanners-detect",
         _agent_has("ironport", "ciscosecureemail", "trendmicro", "sophos", "fireeye", "fortimail",
                    "symantec", "messagelabs", "checkpoint")),
    Rule("gmail-prefetch", "machine", "agent is Chrome 42 with Edge 12.246 and a second "
         "`Mozilla/5.0` at its end",
         "Gmail loads images ahead for people who have it open.",
         "https://bird.com/en-gb/blog/gmail-prefetching-images", _agent_is(_GMAIL_PREFETCH)),
    Rule("too-soon", "machine", "less than 5 seconds after `st`",
         "Mail has to arrive, to be noticed and to be opened.",
         "https://www.gmass.co/blog/false-opens-in-gmail/", _is_too_soon),
    Rule("apple-mpp", "machine", "agent is `Mozilla/5.0` and nothing more",
         "Apple Mail Privacy Protection loads images through proxies, read or not.",
         "https://help.socketlabs.com/docs/identifying-apple-mpp-opens-in-notification-api-events",
         _agent_is("Mozilla/5.0")),
    Rule("gmail-proxy", "human", "agent has `GoogleImageProxy` or `ggpht.com`",
         "Gmail's proxy asks when a person opens; address and agent are Google's.",
         "https://www.scientiamobile.com/what-is-google-image-proxy/",
         _agent_has("googleimageproxy", "ggpht.com")),
    Rule("yahoo-proxy", "unknown", "agent has `YahooMailProxy`",
         "Yahoo's proxy fetches what mails link to, for a person or ahead of one.",
         "https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
         _agent_has("yahoomailproxy")),
    Rule("image-proxy", "unknown", "agent has `imageproxy`, `image-proxy` or `mailproxy`",
         "A proxy of a mail service; whether before or when a person reads is not known.",
         _OWN_READING,
         _agent_has("imageproxy", "image-proxy", "image proxy", "mailproxy")),
    Rule("outlook", "human", "agent has `microsoft outlook` or `outlook-`",
         "Outlook loads no picture until a person, or who set it up, allows it.",
         _OUTLOOK,
         _agent_has("microsoft outlook", "outlook-ios", "outlook-android")),
    Rule("office", "unknown", "agent has `ms-office` or `msoffice`, and no Outlook",
         "Outlook and Office's own checks of links send the same.",
         _OUTLOOK,
         _agent_has("ms-office", "msoffice")),
    Rule("program", "machine", "agent is a known crawler, library or headless browser",
         "Programs, by the list that fills the column `bot`.",
         "https://github.com/monperrus/crawler-user-agents",
         lambda opening: opening.is_program),
    Rule("no-agent", "unknown", "no agent",
         "Mail programs and browsers send one; some proxies do not.",
         _OWN_READING,
         lambda opening: not opening.agent.strip()),
    Rule("mail-program", "human", "agent begins with `Mozilla/` or has `thunderbird`",
         "A browser or a mail program that shows mail as one, with an agent of its own.",
         _OWN_READING,
         lambda opening: opening.agent.startswith("Mozilla/")
         or "thunderbird" in opening.agent.lower()),
    Rule("other", "unknown", "anything else", "No rule knows this agent.",
         _OWN_READING, lambda opening: True),
)  # fmt: skip
