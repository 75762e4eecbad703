"""The tag in real Chromium, on pages of another site, over https: what it saw is in ClickHouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.shop import COLLECTOR_HOST, Shop
from tests.browser.test_start_page import snippet, start
from tests.support.all_in_one import AllInOneProcess
from tests.support.chromium import require_chromium
from tests.support.site import Site
from tests.support.tls import TlsFront

pytestmark = [pytest.mark.browser, pytest.mark.real]

PURCHASE = "hg('track', 'Purchase', {value: 49.99, currency: 'USD', coupon: 'grün'})"


@pytest.fixture(scope="module")
def heliograph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AllInOneProcess]:
    """Heliograph with a cookie that Chromium keeps for a third party too."""
    require_chromium()
    settings = {"collector.cookie_partitioned": "true"}
    with AllInOneProcess(tmp_path_factory.mktemp("heliograph"), settings) as running:
        yield running


@pytest.fixture(params=["localhost", COLLECTOR_HOST], ids=["third-party", "first-party"])
def any_shop(
    request: pytest.FixtureRequest,
    heliograph: AllInOneProcess,
    front: TlsFront,
    site: Site,
    tmp_path: Path,
    site_key: str,
) -> Iterator[Shop]:
    """The same, and one whose site the collector belongs to."""
    with TlsFront(site.port, tmp_path) as shop_front:
        yield Shop(site, shop_front.url(request.param), site_key, heliograph, front)


def say(page: Page, call: str) -> None:
    """Call the tag once it is there."""
    page.wait_for_function("window.hg && hg.isLoaded")
    page.evaluate(call)


def hear(page: Page) -> None:
    """Let the driver tell what happened since it was last asked."""
    page.evaluate("0")


def test_view_and_purchase_with_the_snippet_of_the_start_page(shop: Shop, pages: Pages) -> None:
    copied_from = start(pages, shop.collector_url, shop.key)
    expect(copied_from.get_by_text(f"site={shop.key}").first).to_be_visible()
    shop.put_plain("/a", snippet(copied_from, "Page views, with the tag"))
    copied_from.close()
    # The store lets pages of the collector's plain address read rows, not of its front.
    assert all("CORS policy" in e or "net::ERR_FAILED" in e for e in pages.errors)
    pages.errors.clear()
    page = pages.open()
    page.goto(shop.put_plain("/", "<a href=/a>a</a>"))
    page.get_by_text("a").click()
    say(page, PURCHASE)
    view, purchase = shop.rows(2)
    assert (view["event"], view["url"]) == ("PageView", f"{shop.url}/a")
    assert view["referrer"] == f"{shop.url}/"
    assert (purchase["event"], purchase["value"], purchase["currency"]) == (
        "Purchase",
        49.99,
        "USD",
    )
    assert purchase["properties"] == {"coupon": "grün"}
    assert (view["endpoint"], view["method"], view["consent"]) == ("beacon", "POST", "granted")
    assert view["event_id"] != purchase["event_id"]
    assert view["problems"] == purchase["problems"] == []
    assert view["visitor_id"] == purchase["visitor_id"] is not None


def test_visitor_is_known_again(any_shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(any_shop.put("/"))
    any_shop.rows(1)
    page.reload()
    first, second = any_shop.rows(2)
    assert first["visitor_id"] == second["visitor_id"] is not None
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["domain"]) == ("hg", COLLECTOR_HOST)
    assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
    if any_shop.is_foreign:
        assert cookie["partitionKey"] == any_shop.site


def test_a_batch_is_one_request(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method))
    page.goto(shop.put("/", "<script>for (const n of 'abcdef') hg('track', n)</script>"))
    assert shop.events(7) == ["PageView", *"abcdef"]
    hear(page)
    assert posts.count("POST") == 1
    assert posts.count("OPTIONS") == 0


def test_required_consent_denied_then_granted(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/", consent="required"))
    say(page, "hg('consent', 'denied'); hg('track', 'Never')")
    page.reload()
    say(page, "hg('track', 'Early'); hg('identify', 'ann'); hg('consent', 'granted')")
    view, early = shop.rows(2)
    assert (view["event"], early["event"]) == ("PageView", "Early")
    for row in (view, early):
        assert (row["consent"], row["consent_source"]) == ("granted", "parameter")
        assert row["user_id"] == "ann"


def test_consent_denied_then_granted(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/", "<script>hg('consent', 'denied'); hg('identify', 'ann')</script>"))
    (denied,) = shop.rows(1)
    assert (denied["consent"], denied["visitor_id"], denied["user_id"]) == ("denied", None, "")
    assert denied["address"] == "::ffff:127.0.0.0"
    assert page.context.cookies() == []
    say(page, "hg('consent', 'granted'); hg('track', 'Yes')")
    granted = shop.rows(2)[1]
    assert (granted["consent"], granted["user_id"]) == ("granted", "ann")
    assert granted["address"] == "::ffff:127.0.0.1"
    assert granted["visitor_id"]
    assert [cookie["name"] for cookie in page.context.cookies()] == ["hg"]


def test_global_privacy_control(shop: Shop, pages: Pages) -> None:
    page = pages.open(extra_http_headers={"Sec-GPC": "1"})
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page.goto(shop.put("/", "<script>hg('identify', 'ann'); hg('consent', 'granted')</script>"))
    (row,) = shop.rows(1)
    assert (row["consent"], row["consent_source"]) == ("denied", "gpc")
    assert (row["visitor_id"], row["user_id"]) == (None, "")
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_opted_out(any_shop: Shop, pages: Pages) -> None:
    page = pages.open()
    if any_shop.is_foreign:
        # Chromium sends a third party's cookie from the site's own partition only, where /optout
        # can put none: what counts here is that the cookie is heeded.
        cookie: Any = {"name": "hg_optout", "value": "1", "domain": COLLECTOR_HOST, "path": "/"}
        cookie |= {"secure": True, "sameSite": "None", "partitionKey": any_shop.site}
        page.context.add_cookies([cookie])
    else:
        page.goto(f"{any_shop.collector_url}/optout")
    page.goto(any_shop.put("/", "<script>hg('identify', 'ann'); hg('consent', 'granted')</script>"))
    (row,) = any_shop.rows(1)
    assert (row["consent"], row["consent_source"]) == ("denied", "optout")
    assert (row["visitor_id"], row["user_id"]) == (None, "")
    assert [cookie["name"] for cookie in page.context.cookies()] == ["hg_optout"]


def test_navigation_inside_the_page(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/a"))
    say(page, "history.pushState({}, '', '/b?c=1#d'); history.replaceState({}, '', '/b?c=1')")
    page.go_back()
    rows = shop.rows(3)
    assert [(row["event"], row["url"], row["referrer"]) for row in rows] == [
        ("PageView", f"{shop.url}/a", ""),
        ("PageView", f"{shop.url}/b?c=1", f"{shop.url}/a"),
        ("PageView", f"{shop.url}/a", f"{shop.url}/b?c=1"),
    ]


def test_tab_closed_right_after_a_click(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/", f'<button onclick="{PURCHASE}">buy</button>'))
    page.wait_for_function("window.hg && hg.isLoaded")
    page.get_by_text("buy").click()
    page.close()
    assert shop.events(2) == ["PageView", "Purchase"]


def test_clicks_that_lead_away(shop: Shop, pages: Pages, own_site: Site) -> None:
    own_site.pages["/away"] = "<p>away</p>"
    away = f"{own_site.url}/away"
    links = f'<a href="{away}?mail=ann"><b>away</b></a><a href="/list.pdf" download>list</a>'
    page = pages.open()
    page.goto(shop.put("/", f"{links}<a href=/a>inside</a>"))
    shop.put_plain("/list.pdf", "a file")
    page.wait_for_function("window.hg && hg.isLoaded")
    shop.put_plain("/a", "<p>a</p>")
    with page.expect_download():
        page.get_by_text("list").click()
    page.get_by_text("inside").click()
    page.wait_for_url(f"{shop.url}/a")
    page.go_back()
    page.wait_for_function("window.hg && hg.isLoaded")
    page.get_by_text("away").click()
    page.wait_for_url(f"{away}*")
    rows = shop.rows(4)
    assert [row["event"] for row in rows] == [
        "PageView", "Download", "PageView", "OutboundClick",
    ]  # fmt: skip
    assert rows[1]["properties"] == {"link": f"{shop.url}/list.pdf"}
    assert rows[3]["properties"] == {"link": away}


def test_offline_then_online(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/"))
    shop.rows(1)
    buy_offline(page)
    page.context.set_offline(False)
    assert shop.events(2) == ["PageView", "Purchase"]
    hear(page)
    pages.errors.clear()


def test_offline_until_the_next_page(shop: Shop, pages: Pages) -> None:
    page = pages.open()
    page.goto(shop.put("/", "<script>hg('consent', 'granted')</script>"))
    shop.rows(1)
    buy_offline(page)
    context = page.context
    page.close()
    context.set_offline(False)
    context.new_page().goto(f"{shop.url}/")
    # The browser may have sent it too as the page closed: the driver's network is back by then.
    rows = shop.rows(3, once=True)
    assert [row["event"] for row in rows] == ["PageView", "Purchase", "PageView"]
    assert rows[1]["client_time"] < rows[2]["client_time"]
    assert len({row["event_id"] for row in rows}) == 3
    pages.errors.clear()


def buy_offline(page: Page) -> None:
    """Buy without a network, and see the tag fail."""
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.evaluate(PURCHASE)


def test_what_was_not_kept_is_sent_again(shop: Shop, pages: Pages) -> None:
    """The collector answers 503 when its disk is full; the tag asks again, under the same id."""
    page = pages.open()
    bodies: list[str | None] = []

    def refuse(route: Route) -> None:
        bodies.append(route.request.post_data)
        route.fulfill(status=503, headers={"Access-Control-Allow-Origin": shop.url,
                                           "Access-Control-Allow-Credentials": "true"})  # fmt: skip

    page.route("**/p", refuse, times=1)
    with page.expect_response("**/p"):
        page.goto(shop.put("/"))
    page.evaluate("dispatchEvent(new Event('online'))")  # sooner than the tag would
    (row,) = shop.rows(1)
    assert bodies[0]
    assert row["event_id"] in bodies[0]
    assert all("503" in error for error in pages.errors)
    pages.errors.clear()


@pytest.mark.parametrize(("allowed", "endpoint"), [("connect-src", "beacon"), ("img-src", "pixel")])
def test_page_with_a_strict_policy(shop: Shop, pages: Pages, allowed: str, endpoint: str) -> None:
    """Nonces for the snippet, and a way to the collector: whichever there is."""
    policy = f"default-src 'none'; script-src 'nonce-n'; {allowed} {shop.collector_url}"
    page = pages.open()
    shop.put("/snippet", nonce="n")
    page.goto(
        shop.put_plain(
            "/", f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f"{shop.text('/snippet')}<script nonce=n>{PURCHASE}</script>"
        )
    )  # fmt: skip
    rows = shop.rows(2)
    assert {row["event"] for row in rows} == {"PageView", "Purchase"}
    assert {row["endpoint"] for row in rows} == {endpoint}
    assert {row["url"] for row in rows} == {f"{shop.url}/"}
    hear(page)
    if endpoint == "pixel":
        assert all("Content Security Policy" in error for error in pages.errors)
        pages.errors.clear()


def test_without_scripts_the_image_counts(shop: Shop, pages: Pages) -> None:
    pages.open(java_script_enabled=False).goto(shop.put("/a"))
    (row,) = shop.rows(1)
    assert (row["event"], row["endpoint"], row["url"]) == ("PageView", "pixel", f"{shop.url}/a")
