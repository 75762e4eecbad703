"""What is derived of one hit: URL, tags, click ids, channel by GA4's published rules, device."""

import itertools
import re
from typing import Any

import orjson
import pytest

from schemas.enrichment import rules
from tests.schemas.views.reports import DATABASE, Reports
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

PAGE = "https://www.shop.example/a"
# From the descriptions and definitions in Analytics Help, answer 9756891: tags or referrer of a
# landing page, and the channel that GA4 gives it.
DOCUMENTED = (
    ("", "", "Direct"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=cross-network", "", "Cross-network"),
    ("utm_source=amazon&utm_medium=cpc", "", "Paid Shopping"),
    ("utm_source=partner&utm_medium=ppc&utm_campaign=winter-shopping", "", "Paid Shopping"),
    ("utm_source=google&utm_medium=cpc", "", "Paid Search"),
    ("utm_source=bing&utm_medium=PPC", "", "Paid Search"),
    ("utm_source=facebook&utm_medium=paid_social", "", "Paid Social"),
    ("utm_source=linkedin&utm_medium=cpc", "", "Paid Social"),
    ("utm_source=youtube&utm_medium=cpv-cpc", "", "Paid Video"),
    ("utm_source=adnet&utm_medium=banner", "", "Display"),
    ("utm_source=adnet&utm_medium=cpm", "", "Display"),
    ("utm_source=adnet&utm_medium=expandable", "", "Display"),
    ("utm_source=adnet&utm_medium=cpc", "", "Paid Other"),
    ("utm_source=adnet&utm_medium=retargeting", "", "Paid Other"),
    ("utm_source=ebay&utm_medium=referral", "", "Organic Shopping"),
    ("utm_source=x&utm_medium=y&utm_campaign=shop-spring", "", "Organic Shopping"),
    ("utm_source=x&utm_medium=y&utm_campaign=bishop", "", "Unassigned"),
    ("utm_source=x&utm_medium=y&utm_campaign=eshop", "", "Organic Shopping"),
    ("utm_source=pinterest", "", "Organic Social"),
    ("utm_source=x&utm_medium=social-media", "", "Organic Social"),
    ("utm_source=vimeo", "", "Organic Video"),
    ("utm_source=x&utm_medium=video-ad", "", "Organic Video"),
    ("utm_source=x&utm_medium=organic", "", "Organic Search"),
    ("utm_source=x&utm_medium=referral", "", "Referral"),
    ("utm_source=x&utm_medium=app", "", "Referral"),
    ("utm_source=news&utm_medium=email", "", "Email"),
    ("utm_source=e-mail", "", "Email"),
    ("utm_source=x&utm_medium=affiliate", "", "Affiliates"),
    ("utm_source=x&utm_medium=audio", "", "Audio"),
    ("utm_source=sms", "", "SMS"),
    ("utm_source=x&utm_medium=web-push", "", "Mobile Push Notifications"),
    ("utm_source=x&utm_medium=mobile-app", "", "Mobile Push Notifications"),
    ("utm_source=firebase", "", "Mobile Push Notifications"),
    ("utm_source=x&utm_medium=flyer", "", "Unassigned"),
    ("", "https://www.google.com/", "Organic Search"),
    ("", "https://www.google.co.uk/search?q=a", "Organic Search"),
    ("", "android-app://com.google.android.googlequicksearchbox/", "Organic Search"),
    ("", "https://duckduckgo.com/", "Organic Search"),
    ("", "https://l.facebook.com/", "Organic Social"),
    ("", "https://t.co/abc", "Organic Social"),
    ("", "https://old.reddit.com/r/a", "Organic Social"),
    ("", "https://m.youtube.com/watch", "Organic Video"),
    ("", "https://www.amazon.de/", "Organic Shopping"),
    ("", "https://mail.google.com/", "Email"),
    ("", "https://partner.example/list", "Referral"),
    ("", "https://shop.example/b", "Internal"),
    ("", "https://blog.shop.example/b", "Internal"),
    ("", "https://checkout.stripe.com/pay", "Internal"),
    ("gclid=abc", "https://www.google.com/", "Paid Search"),
    ("gbraid=abc", "", "Paid Search"),
    ("msclkid=abc", "", "Paid Search"),
    ("yclid=abc", "", "Paid Search"),
    ("dclid=abc", "", "Display"),
    ("fbclid=abc", "https://l.facebook.com/", "Organic Social"),
    ("ttclid=abc", "", "Paid Social"),
    ("ScCid=abc", "", "Paid Social"),
)  # fmt: skip


def derived(store: StoreProcess, hits: list[dict[str, Any]], columns: str) -> list[list[Any]]:
    """Insert hits into a table of their own and return what is derived, in their order."""
    store.must("DROP TABLE IF EXISTS one_hit", database=DATABASE)
    store.must(
        "CREATE TABLE one_hit AS hits ENGINE = MergeTree ORDER BY received_at", database=DATABASE
    )
    rows = (
        {"id": f"00000000-0000-7000-8000-{n:012d}", "received_at": f"{1790000000 + n}.000", **one}
        for n, one in enumerate(hits)
    )
    store.must(
        "INSERT INTO one_hit FORMAT JSONEachRow",
        body=b"\n".join(map(orjson.dumps, rows)),
        database=DATABASE,
    )
    text = store.must(
        f"SELECT {columns} FROM one_hit ORDER BY received_at FORMAT JSONCompactEachRow",
        database=DATABASE,
    )
    return [orjson.loads(line) for line in text.splitlines()]


def test_channels_are_as_documented(reports: Reports, store: StoreProcess) -> None:
    hits = [{"url": f"{PAGE}?{tags}", "referrer": referrer} for tags, referrer, _ in DOCUMENTED]
    found = derived(store, hits, "channel")
    assert [
        (tags, referrer, channel)
        for (tags, referrer, _), (channel,) in zip(DOCUMENTED, found, strict=True)
    ] == list(DOCUMENTED)


PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
SHOP = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
EMAIL = {"email", "e-mail", "e_mail", "e mail"}


def published(source: str, medium: str, campaign: str, category: str) -> str:
    """GA4's rules once more, as they are published, with their patterns."""
    shop, paid = category == "shopping" or SHOP.match(campaign), PAID.match(medium)
    social = ("social", "social-network", "social-media", "sm", "social network", "social media")
    table = (
        ("Direct", source == "(direct)" and medium in ("(not set)", "(none)")),
        ("Cross-network", "cross-network" in campaign),
        ("Paid Shopping", shop and paid),
        ("Paid Search", category == "search" and paid),
        ("Paid Social", category == "social" and paid),
        ("Paid Video", category == "video" and paid),
        ("Display", medium in ("display", "banner", "expandable", "interstitial", "cpm")),
        ("Paid Other", paid),
        ("Organic Shopping", shop),
        ("Organic Social", category == "social" or medium in social),
        ("Organic Video", category == "video" or re.match(r"^(.*video.*)$", medium)),
        ("Organic Search", category == "search" or medium == "organic"),
        ("Referral", medium in ("referral", "app", "link")),
        ("Email", source in EMAIL or medium in EMAIL),
        ("Affiliates", medium == "affiliate"),
        ("Audio", medium == "audio"),
        ("SMS", source == "sms" or medium == "sms"),
        ("Mobile Push Notifications", medium.endswith("push") or "mobile" in medium
         or "notification" in medium or source == "firebase"),
    )  # fmt: skip
    return next((name for name, holds in table if holds), "Unassigned")


def test_channels_follow_the_published_patterns(reports: Reports, store: StoreProcess) -> None:
    sources = {row[0]: row[1] for row in rules.rows("sources")}
    cases = list(
        itertools.product(
            ("google", "facebook", "youtube", "amazon", "mail.google.com", "sms",
             "firebase", "other"),
            ("cpc", "acp", "ppc", "ppcx", "retargeting", "paid", "paidx", "xpaid", "cpm", "banner",
             "social", "sm", "video", "xvideoy", "organic", "email", "e mail", "affiliate", "audio",
             "sms", "push", "webpush", "mobile", "link", "referral", "unknown"),
            ("", "spring", "shop", "eshop", "workshop", "my-shop", "shopping", "x cross-network y"),
        )
    )  # fmt: skip
    hits = [
        {"url": f"{PAGE}?utm_source={source}&utm_medium={medium}&utm_campaign={campaign}"}
        for source, medium, campaign in cases
    ]
    found = derived(store, hits, "source, medium, lower(utm_campaign), channel")
    for source, medium, campaign, channel in found:
        assert channel == published(source, medium, campaign, sources.get(source, "")), (
            source, medium, campaign,
        )  # fmt: skip


def test_a_url_is_taken_apart(reports: Reports, store: StoreProcess) -> None:
    url = (
        "https://WWW.Shop.example:8443/a%20b?x=1&utm_source=News+Letter&utm_medium=e%2Dmail"
        "&utm_campaign=s&utm_term=t&utm_content=c&utm_id=7&gclid=Cj0_a-b#utm_source=no"
    )
    columns = (
        "host, path, utm_source, utm_medium, utm_campaign, utm_term, utm_content, utm_id, "
        "click_id_kind, click_id, source, medium"
    )
    assert derived(store, [{"url": url}], columns) == [
        ["shop.example", "/a%20b", "News Letter", "e-mail", "s", "t", "c", "7", "gclid", "Cj0_a-b",
         "news letter", "e-mail"],
    ]  # fmt: skip


def test_each_click_id_is_found(reports: Reports, store: StoreProcess) -> None:
    kinds = [row[0] for row in rules.rows("click_ids")]
    hits = [{"url": f"{PAGE}?a=b&{kind}=v-{kind}&c=d"} for kind in kinds]
    columns = "click_id_kind, click_id, source, medium"
    wanted = [
        [kind, f"v-{kind}", network, medium] for kind, network, medium in rules.rows("click_ids")
    ]
    assert derived(store, hits, columns) == wanted
    misses = [{"url": f"{PAGE}?{text}"} for text in ("xgclid=1", "gclid=", "gclid", "id=gclid=1")]
    assert derived(store, misses, "click_id_kind, click_id") == [["", ""]] * len(misses)


def test_no_text_makes_an_insert_fail(reports: Reports, store: StoreProcess) -> None:
    odd = ("", "?", "://", "http://", "\x00", "%", "%zz", "a" * 4_000, "http://[::1",
           "?utm_source=%ff%fe", "?gclid=%", "http://a:b@c:d/?#?", "привет", "?&=&&==")  # fmt: skip
    hits = [
        {"url": url, "referrer": referrer, "user_agent": url}
        for url, referrer in itertools.product(odd, odd)
    ]
    assert len(derived(store, hits, "channel, click_id, utm_term, person_key")) == len(hits)


def test_devices(reports: Reports, store: StoreProcess) -> None:
    wanted = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/133.0.0.0 Safari/537.36": "desktop",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15": "desktop",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148": "mobile",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/133.0.0.0 Mobile Safari/537.36": "mobile",
        "Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/133.0.0.0 Safari/537.36": "tablet",
        "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1": "tablet",
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) Version/7.0 TV Safari/537.36": "tv",
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) Version/15.4 Safari/605.1.15": "console",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "bot",
        "curl/8.5.0": "bot",
        "Mozilla/5.0 (via ggpht.com GoogleImageProxy)": "unknown",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": "unknown",
        "": "unknown",
    }
    hits = [{"user_agent": agent} for agent in wanted]
    found = derived(store, hits, "device_type, is_person_hit")
    assert found == [[kind, int(kind != "bot")] for kind in wanted.values()]
    server = {"user_agent": "curl/8.5.0", "endpoint": "api"}
    assert derived(store, [server], "device_type, is_person_hit") == [["server", 1]]


@pytest.mark.parametrize(
    "member", [{"bot": "crawler"}, {"purpose": "prefetch"}, {"opened_by": "machine"}]
)
def test_only_people_count(reports: Reports, store: StoreProcess, member: dict[str, str]) -> None:
    agent = {"user_agent": "Mozilla/5.0 (Windows NT 10.0)"}
    assert derived(store, [agent, agent | member], "is_person_hit") == [[1], [0]]
