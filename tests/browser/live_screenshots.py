"""The pictures of the live page in docs/images: empty, with a month of visits, on a phone, dark.

Hits arrive while they are taken, so that what is live has something to show.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page

from tests.support import recent_visits, visits
from tests.support.all_in_one import AllInOneProcess

WIDTH = 1280
PEOPLE = 6000
# Long enough that the two minutes of the chart are full.
FILL_SECONDS = 125
SCREENS: dict[str, tuple[str, dict[str, Any]]] = {
    "live": ("", {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "light"}),
    "live-dark": (
        "?range=30d",
        {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "dark"},
    ),
    "live-phone": (
        "?range=7d&site=shop",
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    ),
}
_BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


def take(browser: Browser, heliograph: AllInOneProcess, folder: Path) -> None:
    """Write the pictures into `folder`; the store must be empty at first."""
    profile = SCREENS["live"][1]
    page = _opened(browser, f"{heliograph.store_url}/", profile)
    page.get_by_role("heading", name="No hits yet").wait_for()
    page.screenshot(path=folder / "live-empty.png", animations="disabled")
    recent_visits.load(heliograph.store_url, int(time.time() * 1000), PEOPLE)
    with _hits_arriving(heliograph):
        page.wait_for_timeout(FILL_SECONDS * 1000)
        for name, (query, screen) in SCREENS.items():
            page = _opened(browser, f"{heliograph.store_url}/{query}", screen)
            page.locator("#asked").get_by_text("Asked").wait_for()
            # Until the charts are drawn whole and no row is marked as new.
            page.wait_for_timeout(4000)
            page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")
            print(f"wrote {folder / name}.png")


def _opened(browser: Browser, url: str, profile: dict[str, Any]) -> Page:
    page = browser.new_context(**profile).new_page()
    page.goto(url)
    return page


@contextmanager
def _hits_arriving(heliograph: AllInOneProcess) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_fire, args=(heliograph, stop), name="hits")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _fire(heliograph: AllInOneProcess, stop: threading.Event) -> None:
    source = random.Random(1)
    while not stop.wait(source.expovariate(4)):
        site = source.choice(visits.SITES)
        query, referrer = source.choice(visits.ENTRIES)
        url = f"https://www.{site}.example{source.choice(visits.PATHS)}{query.format(n=1)}"
        event = source.choice(("PageView",) * 12 + ("Purchase&v=49.90&c=EUR", "Lead"))
        agent = source.choice((visits.BROWSER,) * 4 + (visits.PHONE, _BOT))
        address = f"{heliograph.url}/p.gif?e={event}&site={site}&u={quote(url)}&r={quote(referrer)}"
        with urlopen(Request(address, headers={"User-Agent": agent}), timeout=10):
            pass
