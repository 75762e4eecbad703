"""`make screenshots`: the pictures in docs/images, of the real pages with real hits.

`docs/images/start.png` and `live*.png` are committed; with a folder as argument, whole start pages
on a light and a dark screen and a phone go there, to look at before a change is committed.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import live_screenshots
from tests.support.all_in_one import AllInOneProcess
from tests.support.chromium import chromium, running
from tests.support.start_page import start_url

IMAGES = Path(__file__).parents[2] / "docs/images"
WIDTH = 1100
SCREENS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def main() -> None:
    """Take the pictures."""
    path = chromium()
    if not path:
        sys.exit("needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it")
    with (
        TemporaryDirectory() as folder,
        running(path) as browser,
        AllInOneProcess(Path(folder)) as heliograph,
    ):
        IMAGES.mkdir(parents=True, exist_ok=True)
        live_screenshots.take_empty(browser, heliograph, IMAGES)
        url = start_url(heliograph)
        page = _page_with_hits(browser, url, SCREENS["light"])
        _shoot_to_the_table(page, IMAGES / "start.png")
        live_screenshots.take(browser, heliograph, IMAGES)
        for name, screen in SCREENS.items() if len(sys.argv) > 1 else ():
            page = _page_with_hits(browser, url, screen)
            _make_a_link(page)
            page.screenshot(path=Path(sys.argv[1]) / f"{name}.png", full_page=True)


def _page_with_hits(browser: Browser, url: str, screen: dict[str, Any]) -> Page:
    """Open the page and fire one hit of each kind, waiting for its row."""
    page = browser.new_context(**screen).new_page()
    page.goto(url)
    for kind in ("view", "conversion", "retargeting", "email", "beacon", "fetch"):
        page.get_by_label("denied" if kind == "email" else "nothing").check()
        page.locator(f"form[data-kind={kind}] button").click()
        page.get_by_role("listitem").first.get_by_text("a row in ClickHouse").wait_for()
    return page


def _make_a_link(page: Page) -> None:
    page.get_by_label("Where it leads").fill("https://shop.example/sale")
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("img", name="QR code").wait_for()


def _shoot_to_the_table(page: Page, path: Path) -> None:
    page.evaluate("scrollTo(0, 0); document.documentElement.style.zoom = 0.85")
    table = page.get_by_role("table").bounding_box()
    assert table is not None
    height = table["y"] + table["height"] + 24
    page.screenshot(
        path=path,
        full_page=True,
        clip={"x": 0, "y": 0, "width": WIDTH, "height": height},
        animations="disabled",
    )
    print(f"wrote {path}, {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
