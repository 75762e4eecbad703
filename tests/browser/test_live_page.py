"""The live page in a real browser, against the embedded store.

Hits arrive while it is open; filters; what is wrong in words; phone width, keyboard, themes; a
server that is not its own.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from deploy.live_page import page_file
from tests.browser.conftest import Pages
from tests.support import recent_visits, visits
from tests.support.all_in_one import AllInOneProcess
from tests.support.chromium import require_chromium
from tests.support.node import installed
from tests.support.site import Site
from tests.support.store import StoreProcess

pytestmark = [pytest.mark.browser, pytest.mark.real]

MS_MAX = 40_000
PHONE = {"width": 390, "height": 844}
READER_PASSWORD = "for pages of other origins"


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A store with a month of visits, which other origins may read with a password."""
    require_chromium()
    folder = tmp_path_factory.mktemp("month") / "store"
    with StoreProcess(folder, reader_password=READER_PASSWORD) as store:
        make_tables(store)
        recent_visits.load(store.url, int(time.time() * 1000))
        yield store


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A store without tables."""
    require_chromium()
    with StoreProcess(
        tmp_path_factory.mktemp("empty") / "store",
        live_page_collector_url="http://127.0.0.1:8080",
    ) as store:
        yield store


def make_tables(store: StoreProcess) -> None:
    settings = ClickHouseSettings(url=store.url, retention_days=0)
    # Not in this thread, where Playwright's event loop runs.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(migrate(settings))).result()


def live(pages: Pages, url: str, **profile: Any) -> Page:
    """Open the page."""
    page = pages.open(**profile)
    page.set_default_timeout(MS_MAX)
    page.goto(url)
    return page


def of_month(pages: Pages, month: StoreProcess, query: str = "", **profile: Any) -> Page:
    """Open the page on the month, and wait for its reports."""
    page = pages.open(**profile)
    page.set_default_timeout(MS_MAX)
    sign_in(page, month.url)
    page.goto(f"{month.url}/?{query}")
    expect(page.locator("#asked")).to_contain_text("Asked at", timeout=MS_MAX)
    return page


def sign_in(page: Page, store_url: str) -> None:
    """Have the tab know the reader's password, as the dialog would."""
    page.add_init_script(
        f"sessionStorage.setItem('heliograph {store_url}',"
        f" JSON.stringify({{user: 'reader', password: '{READER_PASSWORD}'}}))"
    )


def close_with_its_errors(pages: Pages, page: Page) -> None:
    """End a page whose requests were meant to fail, so that no other can."""
    page.close()
    pages.errors.clear()


def tile(page: Page, name: str) -> str:
    """Return the number of a tile."""
    return page.locator(".tile").filter(has_text=name).locator("b").inner_text()


def fire(heliograph: AllInOneProcess, site: str, query: str = "e=PageView") -> None:
    request = Request(
        f"{heliograph.url}/p.gif?site={site}&consent=granted&{query}",
        headers={"User-Agent": visits.BROWSER},
    )
    with urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_hits_arrive_while_it_is_open(heliograph: AllInOneProcess, pages: Pages) -> None:
    fire(heliograph, "live", "u=https://shop.example/first")
    heliograph.wait_for_rows("SELECT 1 FROM hits", 1)
    page = live(pages, f"{heliograph.store_url}/?site=live")
    rows = page.locator("#last tbody tr")
    expect(rows).to_have_count(1, timeout=MS_MAX)
    expect(rows.first).to_contain_text("/first")
    fire(heliograph, "live", "u=https://shop.example/second")
    fire(heliograph, "other", "u=https://shop.example/not-of-this-site")
    fire(heliograph, "live", "e=Purchase&v=12.50&c=EUR&eid=o-1&u=https://shop.example/thanks")
    expect(rows).to_have_count(3, timeout=MS_MAX)
    expect(rows.first).to_contain_text("Purchase")
    expect(rows.first).to_contain_text("12.50 EUR")
    expect(page.locator("#rate")).not_to_have_text("0", timeout=MS_MAX)
    expect(page.locator(".tile").filter(has_text="Hits").locator("b")).to_have_text(
        "3", timeout=MS_MAX
    )
    expect(page.locator("#conversions tbody tr")).to_contain_text("12.50 EUR", timeout=MS_MAX)
    expect(page.locator("#state")).to_have_text("Live")


def test_tables_not_there_then_empty_then_the_first_hit(empty: StoreProcess, pages: Pages) -> None:
    page = live(pages, empty.url)
    expect(page.get_by_role("alert")).to_contain_text("The tables are not there yet")
    expect(page.locator("#state")).to_have_text("No numbers")
    make_tables(empty)
    expect(page.get_by_role("heading", name="No hits yet")).to_be_visible(timeout=MS_MAX)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_role("link", name="127.0.0.1:8080/start")).to_have_attribute(
        "href", "http://127.0.0.1:8080/start"
    )
    expect(page.locator("#numbers")).to_be_hidden()
    recent_visits.load(empty.url, int(time.time() * 1000), people=20)
    expect(page.get_by_role("heading", name="Last 50 hits")).to_be_visible(timeout=MS_MAX)
    expect(page.locator("#empty")).to_be_hidden()
    assert pages.errors
    assert all("Failed to load resource" in error for error in pages.errors)
    close_with_its_errors(pages, page)


def test_store_that_goes_away_comes_back(empty: StoreProcess, pages: Pages) -> None:
    make_tables(empty)
    page = live(pages, empty.url)
    expect(page.get_by_role("heading", name="No hits yet")).to_be_visible()
    empty.terminate()
    expect(page.get_by_role("alert")).to_contain_text("The store does not answer", timeout=MS_MAX)
    expect(page.get_by_role("alert")).to_contain_text("heliograph run")
    empty.start()
    expect(page.get_by_role("alert")).to_be_hidden(timeout=MS_MAX)
    expect(page.locator("#state")).to_have_text("Live")
    close_with_its_errors(pages, page)


def test_numbers_are_those_of_the_views(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month, "range=30d&site=shop")
    where = "day > today() - 30 AND site = 'shop'"
    sums = "sum(traffic.hits), sum(traffic.page_views)"
    hits, views = month.must(f"SELECT {sums} FROM traffic_by_day AS traffic WHERE {where}").split()
    assert tile(page, "Hits").replace(",", "") == hits
    assert tile(page, "Page views").replace(",", "") == views
    count = month.must(
        "SELECT count() FROM conversions "
        "WHERE site = 'shop' AND toDate(converted_at) > today() - 30"
    ).strip()
    assert tile(page, "Conversions").replace(",", "") == count
    top = month.must(
        "SELECT path, sum(pages.page_views) AS n FROM pages_by_day AS pages "
        f"WHERE {where} GROUP BY host, path ORDER BY n DESC, host, path LIMIT 1"
    ).split()
    first = page.locator("#pages tbody tr").first.locator("th, td")
    expect(first.first).to_contain_text(top[0])
    assert first.nth(1).inner_text().replace(",", "") == top[1]
    mails = month.must(
        "SELECT sum(email.opens_machine) FROM email_by_day AS email "
        f"WHERE {where} AND campaign_id = 'autumn-sale'"
    ).strip()
    row = page.locator("#email tbody tr").filter(has_text="autumn-sale")
    expect(row.locator("td").nth(2)).to_have_text(mails)


def test_filters_are_kept_in_the_address(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month)
    all_hits = tile(page, "Hits")
    page.get_by_role("combobox", name="Site").select_option("blog")
    expect(page.locator(".tile").filter(has_text="Hits").locator("b")).not_to_have_text(all_hits)
    page.get_by_role("radio", name="Yesterday").check()
    expect(page.get_by_role("heading", name="Yesterday")).to_be_visible()
    assert page.url.endswith("?site=blog&range=yesterday")
    page.reload()
    expect(page.locator("#asked")).to_contain_text("Asked at")
    expect(page.get_by_role("radio", name="Yesterday")).to_be_checked()
    expect(page.get_by_label("Site")).to_have_value("blog")
    for cell in page.locator("#pages tbody th").all():
        expect(cell).to_contain_text("blog.example")


def test_charts_have_axes_tooltips_and_tables(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month, "range=7d")
    page.get_by_role("button", name=re.compile("^Page views")).click()
    chart = page.locator("#range-chart")
    expect(chart.locator(".plot")).to_have_attribute(
        "aria-label", re.compile("Page views by the day.* in all")
    )
    chart.locator(".u-over").hover()
    expect(chart.locator(".tip")).to_contain_text("These 7 days")
    chart.get_by_text("Show as a table").click()
    rows = chart.locator("tbody tr")
    expect(rows).to_have_count(7)
    total = sum(int(row.locator("td").last.inner_text().replace(",", "")) for row in rows.all())
    assert f"{total:,}" == tile(page, "Page views")


def test_keyboard_alone_reaches_and_reads_everything(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        # Focus is seen: an outline on the element, or on the label's text that stands for it.
        seen = page.evaluate(
            """() => { const at = document.activeElement;
              const one = at.matches("fieldset input") ? at.nextElementSibling : at;
              return at === document.body ? null : [at.id || at.className || at.tagName,
                getComputedStyle(one).outlineStyle] }"""
        )
        if seen is None:
            break
        reached.append(seen[0])
        assert seen[1] != "none", seen
    assert reached[0] == "skip"
    assert {"pause", "theme", "server", "site", "tile", "plot", "scroll last"} <= set(reached)
    page.locator("#range-chart .plot").focus()
    page.keyboard.press("Home")
    said = page.locator("#range-chart [aria-live]")
    expect(said).to_contain_text(re.compile("00:00 . 01:00: Yesterday"))
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text(re.compile("01:00 . 02:00"))
    page.locator("#server").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Which ClickHouse")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.node
def test_accessibility_rules_hold(month: StoreProcess, pages: Pages, scheme: str) -> None:
    axe = (installed() / "node_modules/axe-core/axe.min.js").read_text()
    page = of_month(pages, month, "range=7d", color_scheme=scheme, bypass_csp=True)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for summary in page.get_by_text("Show as a table").all():
        summary.click()
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


def test_phone_needs_no_sideways_scrolling(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month, "range=30d", viewport=PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == PHONE["width"]
    for card in page.locator(".card .scroll").all():
        assert card.evaluate("(one) => one.scrollWidth <= one.clientWidth"), card.inner_text()


def test_theme_is_chosen_and_kept(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month, color_scheme="light", reduced_motion="reduce")
    button = page.get_by_role("button", name="Theme")
    button.click()
    button.click()
    expect(button).to_have_text("Theme: dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    animation = "getComputedStyle(document.getElementById('state'), '::before').animationName"
    assert page.evaluate(animation) == "none"


def test_paused_page_asks_nothing(month: StoreProcess, pages: Pages) -> None:
    page = of_month(pages, month)
    button = page.get_by_role("button", name="Pause")
    button.click()
    expect(page.locator("#state")).to_have_text("Paused")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert not asked
    with page.expect_request(re.compile("default_format")):
        button.click()


def test_another_server_is_asked_with_its_own_password(
    month: StoreProcess, empty: StoreProcess, pages: Pages
) -> None:
    page = live(pages, empty.url)
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Server").click()
    page.get_by_label("Address").fill(month.url)
    page.get_by_label("User").fill("reader")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("alert")).to_contain_text("are user and password")
    page.get_by_role("button", name="Server").click()
    page.get_by_label("Password").fill(READER_PASSWORD)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#asked")).to_contain_text("Asked at", timeout=MS_MAX)
    assert "password" not in page.url
    kept = page.evaluate("[Object.keys(sessionStorage), Object.keys(localStorage)]")
    assert kept == [[f"heliograph {month.url}"], []]
    # The page's own server is not told the other's password.
    with page.expect_request(re.compile(re.escape(f"{empty.url}/?default_format"))) as asked:
        page.goto(empty.url)
    assert "x-clickhouse-key" not in asked.value.all_headers()
    close_with_its_errors(pages, page)


def test_page_as_a_file_on_a_site_of_its_own(month: StoreProcess, site: Site, pages: Pages) -> None:
    site.pages["/live.html"] = page_file(month.url, "default", "")
    page = pages.open()
    page.set_default_timeout(MS_MAX)
    sign_in(page, month.url)
    page.goto(f"{site.url}/live.html")
    expect(page.locator("#asked")).to_contain_text("Asked at", timeout=MS_MAX)
    assert int(tile(page, "Hits").replace(",", "")) > 0
    # No other server than its own can be named by a link to it.
    page.goto(f"{site.url}/live.html?url=http://127.0.0.1:9")
    expect(page.get_by_role("alert")).to_contain_text("The store does not answer")
    assert any("Content Security Policy" in error for error in pages.errors)
    close_with_its_errors(pages, page)
