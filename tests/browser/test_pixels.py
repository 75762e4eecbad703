"""Real pages of another site in a real browser: what they say is in the rows of ClickHouse."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Pages
from tests.support.all_in_one import AllInOneProcess
from tests.support.site import Site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.real]

WHOLE_REFERER = 'referrerpolicy="no-referrer-when-downgrade"'


def rows(heliograph: AllInOneProcess, site_key: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait for a test's rows, oldest first."""
    return heliograph.wait_for_rows(
        f"SELECT *, toString(ip) AS address FROM hits WHERE site = '{site_key}' "
        "ORDER BY received_at, id",
        count,
    )


def image(heliograph: AllInOneProcess, site_key: str, attributes: str = "") -> str:
    return f'<img src="{heliograph.url}/p.gif?site={site_key}" {attributes} alt="">'


def agent(page: Page) -> str:
    return str(page.evaluate("navigator.userAgent"))


def test_image_pixel_says_page_agent_and_language(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    site.pages["/article"] = image(heliograph, site_key, WHOLE_REFERER)
    page = pages.open(locale="de-AT")
    page.goto(f"{site.url}/article?from=mail&q=gr%C3%BC%C3%9Fe")
    (row,) = rows(heliograph, site_key)
    assert row["url"] == f"{site.url}/article?from=mail&q=gr%C3%BC%C3%9Fe"
    assert row["user_agent"] == agent(page)
    assert row["language"] == "de-AT"
    assert (row["event"], row["endpoint"], row["method"]) == ("PageView", "pixel", "GET")
    assert row["problems"] == []


def test_image_pixel_without_a_policy_says_the_origin_only(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    """Why the snippets name a policy: browsers cut the Referer to other sites by default."""
    site.pages["/article"] = image(heliograph, site_key)
    pages.open().goto(f"{site.url}/article")
    (row,) = rows(heliograph, site_key)
    assert row["url"] == f"{site.url}/"


def test_script_says_the_page_before(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    site.pages["/home"] = "<a href=/article>read</a>"
    site.pages["/article"] = f"""<script>
      new Image().src = "{heliograph.url}/p.gif?site={site_key}"
        + "&u=" + encodeURIComponent(location.href) + "&r=" + encodeURIComponent(document.referrer);
    </script>"""
    page = pages.open()
    page.goto(f"{site.url}/home")
    page.get_by_text("read").click()
    (row,) = rows(heliograph, site_key)
    assert (row["url"], row["referrer"]) == (f"{site.url}/article", f"{site.url}/home")


def test_beacon_outlives_its_page(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    site.pages["/home"] = "<a href=/checkout>buy</a>"
    site.pages["/thanks"] = "<p>thanks</p>"
    site.pages["/checkout"] = f"""<a href=/thanks>pay</a><script>
      addEventListener("pagehide", () => navigator.sendBeacon("{heliograph.url}/p",
        JSON.stringify([{{site: "{site_key}", e: "Purchase", v: 49.99, c: "EUR", u: location.href,
                         r: document.referrer, p: {{basket: "grün"}}}},
                        {{site: "{site_key}", e: "Leave", u: location.href}}])));
    </script>"""
    page = pages.open()
    page.goto(f"{site.url}/home")
    page.get_by_text("buy").click()
    page.get_by_text("pay").click()
    page.wait_for_url("**/thanks")
    purchase, leave = rows(heliograph, site_key, 2)
    assert (purchase["event"], leave["event"]) == ("Purchase", "Leave")
    assert (purchase["url"], purchase["referrer"]) == (f"{site.url}/checkout", f"{site.url}/home")
    assert (purchase["value"], purchase["currency"]) == (49.99, "EUR")
    assert purchase["properties"] == {"basket": "grün"}
    assert purchase["user_agent"] == agent(page)
    assert (purchase["endpoint"], purchase["method"]) == ("beacon", "POST")
    assert purchase["visitor_id"] == leave["visitor_id"] is not None


def test_visitor_keeps_the_cookie_that_the_first_answer_set(
    heliograph: AllInOneProcess, own_site: Site, pages: Pages, site_key: str
) -> None:
    own_site.pages["/"] = image(heliograph, site_key)
    page = pages.open()
    page.goto(own_site.url)
    (cookie,) = wait_until(lambda: page.context.cookies(), what="a cookie")
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("hg", True, "None")
    page.reload()
    first, second = rows(heliograph, site_key, 2)
    assert first["visitor_id"] == second["visitor_id"] == cookie["value"].partition(".")[0]
    assert first["session_id"] == second["session_id"] is not None
    assert {row["consent"] for row in (first, second)} == {"granted"}
    assert first["address"] == "::ffff:127.0.0.1"


def test_global_privacy_control_is_honoured(
    heliograph: AllInOneProcess, own_site: Site, pages: Pages, site_key: str
) -> None:
    own_site.pages["/"] = f"""{image(heliograph, site_key)}<script>
      navigator.sendBeacon("{heliograph.url}/p",
        JSON.stringify({{site: "{site_key}", uid: "ann", consent: "granted"}}));
    </script>"""
    page = pages.open(extra_http_headers={"Sec-GPC": "1"})
    page.goto(own_site.url)
    for row in rows(heliograph, site_key, 2):
        assert (row["consent"], row["consent_source"]) == ("denied", "gpc")
        assert (row["visitor_id"], row["user_id"]) == (None, "")
        assert row["address"] == "::ffff:127.0.0.0"
    assert page.context.cookies() == []


def test_fetch_across_origins_reads_the_answer(
    heliograph: AllInOneProcess, site: Site, pages: Pages, site_key: str
) -> None:
    site.pages["/"] = "<p>site</p>"
    page = pages.open()
    page.goto(site.url)
    status = page.evaluate(
        """async ([url, site]) => (await fetch(url, {method: "POST", keepalive: true,
            credentials: "include", headers: {"Content-Type": "application/json"},
            body: JSON.stringify({site, u: location.href})})).status""",
        [f"{heliograph.url}/p", site_key],
    )
    assert status == 204
    (row,) = rows(heliograph, site_key)
    assert row["url"] == f"{site.url}/"
