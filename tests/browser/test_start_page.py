"""The start page in a real browser: every button makes a row, and every snippet on it works."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.support.all_in_one import AllInOneProcess
from tests.support.ports import free_ports
from tests.support.site import Site
from tests.support.worker_thread import WorkerThread

pytestmark = [pytest.mark.browser, pytest.mark.real]

BUTTONS = {
    "Fire the pixel": ("PageView", "pixel"),
    "Fire a purchase": ("Purchase", "pixel"),
    "Open the email": ("Open", "pixel"),
    "Send a beacon": ("AddToCart", "beacon"),
    "Send a fetch": ("Signup", "beacon"),
}
SECONDS_MAX = 15
PHONE = {"width": 390, "height": 844}


def start(pages: Pages, url: str, site_key: str, **profile: object) -> Page:
    """Open the page and fill in the site's key."""
    page = pages.open(**profile)
    page.set_default_timeout(SECONDS_MAX * 1000)
    page.goto(f"{url}/start")
    page.get_by_label("Site key").fill(site_key)
    return page


@pytest.mark.parametrize("button", BUTTONS)
def test_button_makes_a_row(
    heliograph: AllInOneProcess, pages: Pages, site_key: str, button: str
) -> None:
    event, how = BUTTONS[button]
    page = start(pages, heliograph.url, button)
    page.get_by_role("button", name=button).focus()
    page.keyboard.press("Enter")
    request = page.get_by_role("listitem").first
    expect(request).to_contain_text("a row in ClickHouse", timeout=SECONDS_MAX * 1000)
    expect(page.get_by_role("status")).to_contain_text("a row")
    row = page.locator("tr.own").first
    expect(row).to_contain_text(event)
    expect(row).to_contain_text(how)
    expect(row).to_contain_text("granted · default")
    expect(row).to_contain_text(" ms")
    (stored,) = heliograph.rows(f"SELECT url, event_id FROM hits WHERE site = '{button}'")
    assert stored["url"] == f"{heliograph.url}/start"
    assert stored["event_id"].startswith("start-")


def test_denied_consent_shows_in_the_row(
    heliograph: AllInOneProcess, pages: Pages, site_key: str
) -> None:
    page = start(pages, heliograph.url, site_key)
    page.get_by_label("denied").check()
    expect(page.get_by_text("No cookie is set")).to_be_visible()
    page.get_by_role("button", name="Open the email").click()
    row = page.locator("tr.own").first
    expect(row).to_contain_text("denied · parameter", timeout=SECONDS_MAX * 1000)
    expect(row).to_contain_text("127.0.0.0")
    (stored,) = heliograph.rows(
        f"SELECT campaign_id, recipient_id, message_id FROM hits WHERE site = '{site_key}'"
    )
    assert stored == {"campaign_id": "spring", "recipient_id": "", "message_id": "m-7"}
    assert page.context.cookies() == []


def test_curl_from_a_terminal_shows_too(
    heliograph: AllInOneProcess, pages: Pages, site_key: str
) -> None:
    page = start(pages, heliograph.url, site_key)
    page.request.get(f"{heliograph.url}/p.gif?e=FromATerminal&site={site_key}")
    expect(page.get_by_role("cell", name="FromATerminal")).to_be_visible(timeout=15_000)


def test_snippets_work_on_another_site(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    page = start(pages, heliograph.url, site_key)

    def snippet(title: str) -> str:
        card = page.get_by_role("article").filter(has=page.get_by_role("heading", name=title))
        return card.locator("code").inner_text()

    email, script = snippet("Email"), snippet("Script with noscript")
    beacon = snippet("Conversion with sendBeacon")
    site.pages["/"] = snippet("Image") + email + script + f"<script>{beacon}</script>"
    pages.open().goto(site.url)
    query = f"SELECT event, url, value, message_id FROM hits WHERE site = '{site_key}' ORDER BY ALL"
    page_url = f"{site.url}/"
    assert [tuple(row.values()) for row in heliograph.wait_for_rows(query, 4)] == [
        ("Open", page_url, None, "MESSAGE"),
        ("PageView", page_url, None, ""),
        ("PageView", page_url, None, ""),
        ("Purchase", page_url, 49.99, ""),
    ]


def test_copy_button_copies(heliograph: AllInOneProcess, pages: Pages, site_key: str) -> None:
    page = start(pages, heliograph.url, site_key, permissions=["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy: curl")
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl -i '{heliograph.url}/p.gif?e=PageView&site={site_key}'"


def test_paths_and_names_of_the_operator_are_used(tmp_path: Path, pages: Pages) -> None:
    """Also awkward ones; and without a store's address there is no table."""
    with WorkerThread(tmp_path, pixel_path="/a'\"<i>.gif", beacon_path="/b&c") as worker:
        page = start(pages, f"http://127.0.0.1:{worker.port}", "k")
        expect(page.get_by_role("table")).to_be_hidden()
        for number, button in enumerate(BUTTONS):
            page.get_by_role("button", name=button).click()
            answered = page.get_by_role("listitem").first.locator(".good")
            expect(answered.first).to_contain_text("20")
            expect(page.get_by_role("listitem")).to_have_count(number + 1)
        assert [line["event"] for line in worker.lines()] == [
            event for event, _ in BUTTONS.values()
        ]


def test_store_that_is_away_is_said(tmp_path: Path, pages: Pages) -> None:
    (nobody,) = free_ports(1)
    with WorkerThread(tmp_path, start_store_url=f"http://127.0.0.1:{nobody}") as worker:
        page = start(pages, f"http://127.0.0.1:{worker.port}", "k")
        expect(page.get_by_role("alert")).to_contain_text("Can't read the rows")
        expect(page.get_by_role("alert")).to_contain_text("store.origins_allowed")
        page.get_by_role("button", name="Fire the pixel").click()
        expect(page.get_by_role("status")).to_contain_text("PageView: 200")
        page.close()  # it would go on asking
    assert pages.errors
    assert all("ERR_CONNECTION_REFUSED" in error for error in pages.errors)
    pages.errors.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(
    heliograph: AllInOneProcess, pages: Pages, site_key: str, scheme: str
) -> None:
    page = start(pages, heliograph.url, site_key, viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_every_control_has_a_name(heliograph: AllInOneProcess, pages: Pages, site_key: str) -> None:
    page = start(pages, heliograph.url, site_key)
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input")].filter((one) =>
          !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim()))
          .map((one) => one.outerHTML)"""
    )
    assert nameless == []
