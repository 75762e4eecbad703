"""The pictures of the live page in docs/images: empty, with a month of visits, on a phone, dark.

What is shown is `heliograph demo`, whose hits also arrive while the pictures are taken.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page

from tests.support.all_in_one import AllInOneProcess

WIDTH = 1280
# Two months, so that the last has one to be compared with.
DAYS = 60
HITS = 400_000
HITS_PER_SECOND = 4
# A picture is at most so many times as high as wide: the phone's is cut.
SHAPE_MAX = 4
# Long enough that the two minutes of the chart are full.
FILL_SECONDS = 125
SCREENS: dict[str, tuple[str, dict[str, Any]]] = {
    "live": ("", {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "light"}),
    "live-dark": (
        "?range=30d",
        {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": "dark"},
    ),
    "live-phone": (
        "?range=7d",
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    ),
}


def take_empty(browser: Browser, heliograph: AllInOneProcess, folder: Path) -> None:
    """Write the picture of a store without hits into `folder`."""
    profile = {**SCREENS["live"][1], "viewport": {"width": WIDTH, "height": 560}}
    page = _opened(browser, f"{heliograph.store_url}/", profile)
    page.get_by_role("heading", name="No hits yet").wait_for()
    page.screenshot(path=folder / "live-empty.png", animations="disabled")


def take(browser: Browser, heliograph: AllInOneProcess, folder: Path) -> None:
    """Write the other pictures into `folder`."""
    _run_demo(heliograph, f"--hits={HITS}", f"--days={DAYS}").wait()
    with _hits_arriving(heliograph):
        page = _opened(browser, f"{heliograph.store_url}/", SCREENS["live"][1])
        page.wait_for_timeout(FILL_SECONDS * 1000)
        for name, (query, screen) in SCREENS.items():
            page = _opened(browser, f"{heliograph.store_url}/{query}", screen)
            page.locator("#asked").get_by_text("Asked").wait_for()
            # Until the charts are drawn whole and no row is marked as new.
            page.wait_for_timeout(4000)
            _shoot(page, folder / f"{name}.png", screen["viewport"]["width"])
            print(f"wrote {folder / name}.png")


def _shoot(page: Page, path: Path, width: int) -> None:
    height = min(page.evaluate("document.documentElement.scrollHeight"), width * SHAPE_MAX)
    area = FloatRect(x=0, y=0, width=width, height=height)
    page.screenshot(path=path, full_page=True, clip=area, animations="disabled")


def _opened(browser: Browser, url: str, profile: dict[str, Any]) -> Page:
    page = browser.new_context(**profile).new_page()
    page.goto(url)
    return page


@contextmanager
def _hits_arriving(heliograph: AllInOneProcess) -> Iterator[None]:
    demo = _run_demo(heliograph, "--to=pixel", f"--rate={HITS_PER_SECOND}", "--hits=100000")
    try:
        yield
    finally:
        demo.terminate()
        demo.wait()


def _run_demo(heliograph: AllInOneProcess, *flags: str) -> "subprocess.Popen[bytes]":
    where = (
        f"--clickhouse.url={heliograph.store_url}",
        f"--collector.port={heliograph.port}",
        "--collector.host=127.0.0.1",
    )
    command = [sys.executable, "-m", "deploy", "demo", *flags, *where]
    return subprocess.Popen(command, cwd=heliograph.folder, stdout=subprocess.DEVNULL)
