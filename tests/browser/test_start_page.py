"""The start page in a real browser: every button makes a row, every snippet and link works."""

import xml.etree.ElementTree as ET
from base64 import b64decode
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.support.all_in_one import AllInOneProcess
from tests.support.ports import free_ports
from tests.support.site import Site
from tests.support.start_page import start_url
from tests.support.waiting import wait_until
from tests.support.worker_thread import WorkerThread

pytestmark = [pytest.mark.browser, pytest.mark.real]

BUTTONS = {
    "Fire the pixel": ("PageView", "pixel"),
    "Fire a purchase": ("Purchase", "pixel"),
    "Look at a product": ("ViewProduct", "pixel"),
    "Open the email": ("Open", "pixel"),
    "Send a beacon": ("AddToCart", "beacon"),
    "Send a fetch": ("Signup", "beacon"),
}
SECONDS_MAX = 15
PHONE = {"width": 390, "height": 844}


def start(pages: Pages, url: str, site_key: str, **profile: object) -> Page:
    """Open the page and fill in the site's key; `url` is the collector's or the page's own."""
    page = pages.open(**profile)
    page.set_default_timeout(SECONDS_MAX * 1000)
    page.goto(url if "/start" in url else f"{url}/start")
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
    expect(page.locator("#said")).to_contain_text("a row")
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


def snippet(page: Page, title: str) -> str:
    """Return the text of a snippet on the page, once it is there."""
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.get_by_role("article").filter(has=heading).locator("code").inner_text()


def test_snippets_work_on_another_site(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    page = start(pages, heliograph.url, site_key)
    expect(page.get_by_text(f"site={site_key}").first).to_be_visible()
    titles = (
        "Page views, with the tag", "Page view, as an image", "Conversion", "Retargeting",
        "Conversion, without the tag", "Email open",
    )  # fmt: skip
    site.pages["/"] = "\n".join(snippet(page, title) for title in titles)
    pages.open().goto(site.url)
    query = (
        "SELECT event, count() AS n, any(value) AS value, any(message_id) AS message, "
        f"any(properties['sku']) AS sku FROM hits WHERE site = '{site_key}' GROUP BY event "
        "ORDER BY event"
    )
    rows = heliograph.wait_for_rows(query, 4)
    wait_until(lambda: sum(int(row["n"]) for row in heliograph.rows(query)) >= 6, what="six hits")
    rows = heliograph.rows(query)
    assert [tuple(row.values())[1:] for row in rows if row["event"] != "PageView"] == [
        (1, None, "MESSAGE", ""),
        (2, 49.99, "", ""),
        (1, None, "", "SKU"),
    ]
    # One by the tag, one by the image.
    assert next(int(row["n"]) for row in rows if row["event"] == "PageView") == 2


def test_email_says_who_opened_it(heliograph: AllInOneProcess, pages: Pages, site_key: str) -> None:
    page = start(pages, heliograph.url, site_key)
    page.get_by_role("button", name="Open the email").click()
    row = page.locator("tr.own").first
    expect(row).to_contain_text("pixel · ", timeout=SECONDS_MAX * 1000)
    (stored,) = heliograph.rows(f"SELECT opened_by, bot FROM hits WHERE site = '{site_key}'")
    assert stored["opened_by"] == ("machine" if stored["bot"] else "human")


def test_link_is_signed_followed_and_its_row_arrives(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    site.pages["/sale"] = "<h1>sale</h1>"
    page = start(pages, start_url(heliograph), site_key)
    # The key is not in the address any more, which hits would name.
    assert page.url == f"{heliograph.url}/start"
    page.get_by_label("Where it leads").fill(f"{site.url}/sale?a=b")
    page.get_by_label("utm_source").fill("news letter")
    page.get_by_label("cid").last.fill("spring")
    page.get_by_role("button", name="Make the link").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It counts its clicks")).to_be_visible()
    link = snippet(page, "Signed link")
    assert link.startswith(f"{heliograph.url}/r?u=")
    direct = snippet(page, "Direct link")
    assert direct == (
        f"{site.url}/sale?a=b&utm_source=news%20letter&utm_medium=email&utm_campaign=spring"
    )
    source = page.get_by_role("img", name="QR code").get_attribute("src") or ""
    picture = ET.fromstring(b64decode(source.partition(",")[2]))
    assert picture.tag.endswith("svg")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Follow it").click()
    opened.value.wait_for_load_state()
    assert opened.value.url == direct
    row = page.locator("tr.own").first
    expect(row).to_contain_text("Click", timeout=SECONDS_MAX * 1000)
    expect(row).to_contain_text("→ localhost")
    (stored,) = heliograph.rows(
        f"SELECT link_url, campaign_id, endpoint FROM hits WHERE site = '{site_key}'"
    )
    assert stored == {"link_url": direct, "campaign_id": "spring", "endpoint": "click"}
    page.reload()
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_text("It counts its clicks")).to_be_visible()


def test_page_without_its_key_signs_nothing(
    heliograph: AllInOneProcess, pages: Pages, site_key: str
) -> None:
    page = start(pages, f"{heliograph.url}/start#key=AAAAAAAAAAAAAAAAAAAAAA", site_key)
    page.get_by_label("Where it leads").fill("https://shop.example/it's")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_text("Only the direct one")).to_be_visible()
    expect(page.get_by_role("img", name="QR code")).to_be_hidden()
    assert snippet(page, "In a terminal").startswith(
        "heliograph link --to 'https://shop.example/it'\\''s' --utm-source 'newsletter'"
    )


def test_destination_that_can_not_be_is_said(
    heliograph: AllInOneProcess, pages: Pages, site_key: str
) -> None:
    page = start(pages, start_url(heliograph), site_key)
    page.get_by_label("Where it leads").fill("javascript:alert(1)")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_text("No link was made: the destination is not")).to_be_visible()
    assert all("400" in error for error in pages.errors)
    pages.errors.clear()


def test_copy_button_copies(heliograph: AllInOneProcess, pages: Pages, site_key: str) -> None:
    page = start(pages, heliograph.url, site_key, permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_text(f"site={site_key}").first).to_be_visible()
    button = page.get_by_role("button", name="Copy: From a terminal")
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
        expect(page.locator("#store-trouble")).to_contain_text("Can't read the rows")
        expect(page.locator("#store-trouble")).to_contain_text("store.origins_allowed")
        page.get_by_role("button", name="Fire the pixel").click()
        expect(page.locator("#said")).to_contain_text("PageView: 200")
        page.close()  # it would go on asking
    assert pages.errors
    assert all("ERR_CONNECTION_REFUSED" in error for error in pages.errors)
    pages.errors.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(
    heliograph: AllInOneProcess, pages: Pages, site_key: str, scheme: str
) -> None:
    page = start(pages, start_url(heliograph), site_key, viewport=PHONE, color_scheme=scheme)
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_every_control_has_a_name(heliograph: AllInOneProcess, pages: Pages, site_key: str) -> None:
    page = start(pages, start_url(heliograph), site_key)
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, pre, img")].filter((one) =>
          !(one.labels?.length || one.getAttribute("aria-label") || one.alt
            || one.textContent.trim()))
          .map((one) => one.outerHTML)"""
    )
    assert nameless == []
