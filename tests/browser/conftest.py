"""What the browser's tests share: one browser, one Heliograph, a site, pages without errors.

A page's console errors and uncaught exceptions fail its test, so a refused request or a policy that
forbids what the page does can't hide.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.shop import Shop
from tests.support.all_in_one import AllInOneProcess
from tests.support.chromium import require_chromium, running
from tests.support.site import Site
from tests.support.tls import TlsFront


class Pages:
    """Opens pages, each in a profile of its own, and keeps what went wrong in them."""

    def __init__(self, browser: Browser) -> None:
        self.errors: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._browser = browser

    def open(self, **profile: Any) -> Page:
        """Open a page; the arguments are the profile's (Playwright's `new_context`)."""
        context = self._browser.new_context(**profile)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        return page

    def _note(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(said.text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser; every test has profiles (contexts) of its own in it.

    Not for the session: Playwright's event loop runs as long as it does, and no other loop could.
    """
    with running(require_chromium()) as browser:
        yield browser


@pytest.fixture(scope="module")
def heliograph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AllInOneProcess]:
    """All of Heliograph; tests tell their hits by a site key of their own."""
    require_chromium()
    with AllInOneProcess(tmp_path_factory.mktemp("heliograph")) as running_heliograph:
        yield running_heliograph


@pytest.fixture(scope="module")
def front(
    heliograph: AllInOneProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsFront]:
    """The collector over https."""
    with TlsFront(heliograph.port, tmp_path_factory.mktemp("front")) as running_front:
        yield running_front


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that the collector is a third party to."""
    with Site("localhost") as running_site:
        yield running_site


@pytest.fixture
def own_site() -> Iterator[Site]:
    """A site on another origin that the collector is a first party to: the same name."""
    with Site("127.0.0.1") as running_site:
        yield running_site


@pytest.fixture
def pages(browser: Browser) -> Iterator[Pages]:
    """Pages to open; errors in them fail the test."""
    opened = Pages(browser)
    yield opened
    for context in opened.contexts:
        context.close()
    assert not opened.errors, "\n".join(opened.errors)


@pytest.fixture
def site_key(request: pytest.FixtureRequest) -> str:
    """A site key that no other test uses."""
    name: str = request.node.name
    return name.replace("[", "-").replace("]", "")


@pytest.fixture
def shop(
    heliograph: AllInOneProcess, front: TlsFront, site: Site, tmp_path: Path, site_key: str
) -> Iterator[Shop]:
    """A shop on another site than the collector."""
    with TlsFront(site.port, tmp_path) as shop_front:
        yield Shop(site, shop_front.url("localhost"), site_key, heliograph, front)
