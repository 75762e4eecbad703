"""The made-up world of the demo: sites, pages, agents, countries, ways that visits begin.

Tables only. Names end in `.example` and addresses are of networks that nobody has (RFC 2544, RFC
3849), so that a demo never names a person or a firm's customer. Knows nothing of hits.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

Row = TypeVar("Row")
SLOTS: Final = 1_000


class Step(NamedTuple):
    """One step towards a goal: what happens where, and which share of people go on from it."""

    event: str
    path: str
    share_onward: float


class Site(NamedTuple):
    """One site: its part of all visits, its pages, and how many visits try for its goal."""

    key: str
    host: str
    share: float
    entries: Sequence[str]
    pages: Sequence[str]
    goal: Sequence[Step]
    goal_share: float
    prices: Sequence[float]
    currency: str


class Agent(NamedTuple):
    """One program that people or machines use; `hints` are its client hints."""

    text: str
    hints: str = ""
    # The kind of bot; empty for a person's browser.
    bot: str = ""


class Arrival(NamedTuple):
    """How a visit begins: what the page was reached by. `{click}` stands for a click id."""

    referrer: str
    query: str = ""


def slots(rows: Sequence[tuple[Row, float]]) -> Sequence[Row]:
    """Return `SLOTS` rows, each as often as its share: a choice is one look-up."""
    total = sum(share for _, share in rows)
    table: list[Row] = []
    wanted = 0.0
    for row, share in rows:
        wanted += share / total * SLOTS
        table.extend([row] * (round(wanted) - len(table)))
    return table


_PRODUCTS: Final = tuple(
    f"/p/{adjective}-{thing}"
    for adjective in ("alpine", "coastal", "urban", "classic", "light", "warm")
    for thing in ("jacket", "boots", "backpack", "tent", "lamp", "bottle", "shirt")
)
_POSTS: Final = tuple(
    f"/2026/{slug}"
    for slug in (
        "packing-for-a-week", "seven-huts", "how-to-read-a-map", "rain-is-fine", "first-tent",
        "winter-tea", "boots-that-last", "slow-trains", "a-lake-for-each-month", "night-sky",
        "maps-on-paper", "light-packs", "soup-for-two", "long-way-home",
    )
)  # fmt: skip
_DOCS: Final = tuple(
    f"/docs/{slug}" for slug in ("start", "routes", "import", "sharing", "offline", "api", "teams")
)

SITES: Final = (
    Site("shop", "shop.example", 0.58,
         ("/", "/sale", "/c/outdoor", "/c/camping", *_PRODUCTS[:24]),
         ("/", "/sale", "/c/outdoor", "/c/camping", "/c/shoes", *_PRODUCTS, "/help/shipping"),
         (Step("AddToCart", "/cart", 0.62), Step("PageView", "/cart", 0.7),
          Step("InitiateCheckout", "/checkout", 1), Step("PageView", "/checkout", 0.62),
          Step("PageView", "/thanks", 1), Step("Purchase", "/thanks", 0)),
         0.13, (19.9, 24.9, 39.0, 49.9, 59.0, 79.5, 89.9, 119.0, 149.0, 249.0), "EUR"),
    Site("blog", "blog.example", 0.27,
         ("/", *_POSTS), ("/", "/about", *_POSTS, "/newsletter"),
         (Step("PageView", "/newsletter", 0.4), Step("Subscribe", "/newsletter", 0)),
         0.05, (), ""),
    Site("app", "app.example", 0.15,
         ("/", "/", "/features", "/pricing", *_DOCS), ("/features", "/pricing", "/pricing", *_DOCS),
         (Step("PageView", "/pricing", 0.45), Step("PageView", "/signup", 0.5),
          Step("Signup", "/signup", 0.55), Step("StartTrial", "/welcome", 0.3),
          Step("Purchase", "/welcome", 0)),
         0.2, (9.0, 9.0, 29.0, 99.0), "USD"),
)  # fmt: skip

_WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


def _chrome(system: str, version: int, mobile: str = "") -> str:
    return f"Mozilla/5.0 ({system}) {_WEBKIT} Chrome/{version}.0.0.0 {mobile}Safari/537.36"


def _hints(brand: str, version: int, platform: str, *, mobile: bool = False) -> str:
    brands = f'"Chromium";v="{version}", "{brand}";v="{version}", "Not_A Brand";v="24"'
    return f'{brands} | ?{int(mobile)} | "{platform}"'


_WINDOWS: Final = "Windows NT 10.0; Win64; x64"
_MAC: Final = "Macintosh; Intel Mac OS X 10_15_7"
_ANDROID: Final = "Linux; Android 10; K"

AGENTS: Final = slots([
    (Agent(_chrome(_ANDROID, 142, "Mobile "), _hints("Google Chrome", 142, "Android", mobile=True)),
     24),
    (Agent(_chrome(_ANDROID, 141, "Mobile "), _hints("Google Chrome", 141, "Android", mobile=True)),
     5),
    (Agent(f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {_SAFARI} Version/26.1 "
           "Mobile/15E148 Safari/604.1"), 17),
    (Agent(f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_SAFARI} Version/18.6 "
           "Mobile/15E148 Safari/604.1"), 7),
    (Agent(f"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {_SAFARI} Version/18.6 Mobile/15E148 "
           "Safari/604.1"), 2.5),
    (Agent(_chrome(_WINDOWS, 142), _hints("Google Chrome", 142, "Windows")), 19),
    (Agent(_chrome(_WINDOWS, 140), _hints("Google Chrome", 140, "Windows")), 3),
    (Agent(f"{_chrome(_WINDOWS, 142)} Edg/142.0.0.0", _hints("Microsoft Edge", 142, "Windows")), 6),
    (Agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"),
     3.5),
    (Agent(_chrome(_MAC, 142), _hints("Google Chrome", 142, "macOS")), 5),
    (Agent(f"Mozilla/5.0 ({_MAC}) {_SAFARI} Version/26.1 Safari/605.1.15"), 4),
    (Agent(_chrome("X11; Linux x86_64", 142), _hints("Google Chrome", 142, "Linux")), 1),
    (Agent("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"), 1),
    (Agent(f"Mozilla/5.0 ({_ANDROID}) {_WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile "
           "Safari/537.36", _hints("Samsung Internet", 130, "Android", mobile=True)), 2),
])  # fmt: skip

BOTS: Final = slots([
    (Agent("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), 40),
    (Agent("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"), 20),
    (Agent("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"), 15),
    (Agent("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
           "+https://openai.com/gptbot)"), 10),
    (Agent("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"), 8),
    (Agent("python-requests/2.32.3"), 7),
])  # fmt: skip

# Language, its share, and the second byte and a half of its addresses: 198.18.0.0/15 in /20 parts.
LANGUAGES: Final = slots([
    ("de-DE", 34), ("en-US", 18), ("en-GB", 12), ("fr-FR", 10), ("es-ES", 7), ("it-IT", 5),
    ("nl-NL", 5), ("pl-PL", 4), ("sv-SE", 3), ("pt-BR", 2),
])  # fmt: skip

_OF_FIRST_VISITS: Final = (
    (Arrival(""), 21),
    (Arrival("https://www.google.com/"), 27),
    (Arrival("https://www.bing.com/"), 3),
    (Arrival("https://duckduckgo.com/"), 2),
    (Arrival("https://www.google.com/",
             "utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid={click}"), 7),
    (Arrival("https://www.google.com/",
             "utm_source=google&utm_medium=cpc&utm_campaign=autumn-sale&utm_term=rain+jacket"
             "&gclid={click}"), 7),
    (Arrival("https://www.bing.com/",
             "utm_source=bing&utm_medium=cpc&utm_campaign=autumn-sale&msclkid={click}"), 1.5),
    (Arrival("https://l.facebook.com/",
             "utm_source=facebook&utm_medium=paid_social&utm_campaign=lookalike-1"
             "&utm_content=video-a&fbclid={click}"), 6),
    (Arrival("https://l.instagram.com/",
             "utm_source=instagram&utm_medium=paid_social&utm_campaign=retargeting&fbclid={click}"),
     4),
    (Arrival("https://www.tiktok.com/",
             "utm_source=tiktok&utm_medium=paid_social&utm_campaign=young-hikers&ttclid={click}"),
     2.5),
    (Arrival("https://l.facebook.com/", "fbclid={click}"), 3),
    (Arrival("https://t.co/"), 1.5),
    (Arrival("https://www.reddit.com/"), 1.5),
    (Arrival("https://www.linkedin.com/", "li_fat_id={click}"), 1),
    (Arrival("https://www.youtube.com/"), 1.5),
    (Arrival("https://hiking-forum.example/"), 3),
    (Arrival("https://gear-test.example/best-tents"), 3),
    (Arrival("https://vouchers.example/",
             "utm_source=vouchers&utm_medium=affiliate&utm_campaign=partner-17"), 2),
    (Arrival("", "utm_source=news-site&utm_medium=display&utm_campaign=autumn-banner"
             "&dclid={click}"), 2),
)  # fmt: skip
ARRIVALS_FIRST: Final = slots(_OF_FIRST_VISITS)
# Who comes back knows the way.
ARRIVALS_AGAIN: Final = slots([(Arrival(""), 90), *_OF_FIRST_VISITS])

# Level of consent, what decided it, share of visitors.
CONSENTS: Final = slots([
    (("granted", "parameter"), 60), (("granted", "tcf"), 12), (("granted", "default"), 3),
    (("denied", "parameter"), 13), (("denied", "gpc"), 5), (("denied", "optout"), 1),
    (("limited", "parameter"), 4), (("denied", "tcf"), 2),
])  # fmt: skip

_WORKDAY: Final = (6, 4, 3, 3, 4, 8, 18, 34, 48, 56, 60, 60, 62, 58, 54, 54, 56, 62, 72, 84, 82, 60,
                   32, 14)  # fmt: skip
_WEEKEND: Final = (9, 6, 4, 3, 3, 5, 9, 18, 34, 50, 62, 66, 64, 62, 62, 64, 66, 68, 74, 78, 72, 52,
                   30, 16)  # fmt: skip
# Monday first; they are 7 together.
DAYS: Final = (1.08, 1.05, 1.03, 1.0, 0.92, 0.87, 1.05)


def hour_share(weekday: int, hour: int) -> float:
    """Return an hour's part (UTC) of an average day's hits."""
    hours = _WEEKEND if weekday >= 5 else _WORKDAY
    return DAYS[weekday] * hours[hour] / sum(hours)
