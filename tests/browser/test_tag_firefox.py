"""The tag in real Firefox, on a page of another site over https."""

from collections.abc import Iterator

import pytest

from tests.browser.shop import Shop
from tests.support.firefox import Firefox, require_firefox
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.real]

PURCHASE = "hg('track', 'Purchase', {value: 49.99, currency: 'USD'})"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with Firefox(require_firefox(), tmp_path_factory.mktemp("firefox") / "profile") as running:
        yield running


@pytest.fixture(scope="module")
def private_firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """A browser whose user turned Global Privacy Control on."""
    profile = tmp_path_factory.mktemp("private") / "profile"
    preferences = {"privacy.globalprivacycontrol.enabled": True}
    with Firefox(require_firefox(), profile, preferences) as running:
        yield running


def say(firefox: Firefox, tab: str, call: str) -> None:
    """Call the tag once it is there."""
    wait_until(lambda: firefox.evaluate(tab, "!!hg.isLoaded"), what="the tag")
    firefox.evaluate(tab, call)


def test_view_purchase_and_navigation(shop: Shop, firefox: Firefox) -> None:
    tab = firefox.open(shop.put("/a"))
    say(firefox, tab, PURCHASE)
    say(firefox, tab, "history.pushState({}, '', '/b')")
    view, purchase, inside = shop.rows(3)
    assert [row["event"] for row in (view, purchase, inside)] == [
        "PageView", "Purchase", "PageView",
    ]  # fmt: skip
    assert (view["url"], inside["url"]) == (f"{shop.url}/a", f"{shop.url}/b")
    assert (purchase["value"], purchase["currency"]) == (49.99, "USD")
    assert "Firefox" in view["user_agent"]
    firefox.close(tab)
    firefox.close(firefox.open(f"{shop.url}/a"))
    # Firefox keeps the cookie of a third party, for each site that embeds it.
    assert shop.rows(4)[3]["visitor_id"] == view["visitor_id"] is not None


def test_consent_denied_then_granted(shop: Shop, firefox: Firefox) -> None:
    tab = firefox.open(shop.put("/", consent="required"))
    say(firefox, tab, "hg('consent', 'denied'); hg('track', 'Never')")
    say(firefox, tab, "hg('consent', 'granted'); hg('track', 'Yes')")
    (row,) = shop.rows(1)
    assert (row["event"], row["consent"], row["consent_source"]) == ("Yes", "granted", "parameter")
    firefox.close(tab)


def test_global_privacy_control(shop: Shop, private_firefox: Firefox) -> None:
    tab = private_firefox.open(shop.put("/", "<script>hg('consent', 'granted')</script>"))
    assert private_firefox.evaluate(tab, "navigator.globalPrivacyControl") is True
    (row,) = shop.rows(1)
    assert (row["consent"], row["consent_source"], row["visitor_id"]) == ("denied", "gpc", None)
    assert private_firefox.evaluate(tab, "localStorage.length") == 0


def test_tab_closed_right_after_a_click(shop: Shop, firefox: Firefox) -> None:
    tab = firefox.open(shop.put("/", f'<button onclick="{PURCHASE}">buy</button>'))
    say(firefox, tab, "document.querySelector('button').click()")
    firefox.close(tab)
    assert shop.events(2) == ["PageView", "Purchase"]
