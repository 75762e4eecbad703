"""Pages that come back and pages that are made ahead, in a Chromium that does both."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Pages
from tests.browser.shop import Shop
from tests.support.chromium import alone, require_chromium, running

pytestmark = [pytest.mark.browser, pytest.mark.real]

# The page goes on once the next one, made ahead, has told so; that one says when it was shown.
GOES_ON = """<script type="speculationrules">
{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}
</script>
<script>addEventListener("storage", () => { location.href = "/next"; });</script>"""
MADE_AHEAD = """<script>
if (document.prerendering) localStorage.setItem("made", "yes");
document.addEventListener("prerenderingchange", () => {
  const [{ activationStart }] = performance.getEntriesByType("navigation");
  hg("track", "Shown", { at_ms: Math.floor(performance.timeOrigin + activationStart) });
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser with a back/forward cache, which drivers turn off."""
    with running(require_chromium(), back_forward_cache=True) as browser:
        yield browser


def test_page_from_the_back_forward_cache_is_a_view(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/a", "<script>window.mark = 1</script>"))
    shop.rows(1)
    page.evaluate("mark = 2")
    page.goto(shop.put_plain("/b", "b"))
    page.go_back(wait_until="commit")
    page.wait_for_function("window.mark === 2")  # else it was loaded anew
    assert shop.events(2) == ["PageView", "PageView"]


def test_page_made_ahead_is_a_view_once_it_is_shown(shop: Shop, tmp_path: Path) -> None:
    """Without a driver, since Chromium makes no pages ahead under one."""
    shop.put("/next", MADE_AHEAD)
    with alone(require_chromium(), tmp_path / "profile", shop.put_plain("/", GOES_ON)):
        view, shown = shop.rows(2)
    assert (view["event"], shown["event"]) == ("PageView", "Shown")
    assert view["url"] == shown["url"] == f"{shop.url}/next"
    viewed_at = datetime.fromisoformat(f"{view['client_time']}+00:00")
    assert viewed_at.timestamp() * 1000 >= float(shown["properties"]["at_ms"])
