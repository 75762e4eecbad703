"""Sites: what holds for each, where its pages are, and a file that is read again."""

from pathlib import Path

import pytest

from collector.settings import CollectorSettings
from collector.sites import FOREIGN_PAGE, UNKNOWN_SITE, Sites
from schemas.site_file import BadSiteFile

FILE = """
[[site]]
key = "shop"
origins = ["https://shop.example", "https://*.shop.example"]
link_domains = ["shop.example", "*.partner.example"]
consent_default = "denied"
cookie_domain = "shop.example"

[[site]]
key = "blog"
"""


def sites_of(folder: Path, text: str = FILE, **settings: object) -> Sites:
    file = folder / "sites.toml"
    file.write_text(text)
    return Sites(CollectorSettings.model_validate({"sites_file": file, **settings}))


def test_without_a_file_one_site_takes_every_hit() -> None:
    sites = Sites(CollectorSettings(consent_default="denied", cookie_domain="a.example"))
    assert sites.get("shop") is None
    assert sites.of("shop") is sites.default
    assert (sites.default.key, sites.default.consent_default) == ("", "denied")
    assert sites.default.cookie_domain == "a.example"
    assert sites.problem("shop", "https://anywhere.example/") == ""
    assert sites.allows_origin("https://anywhere.example")


def test_a_site_has_its_own_and_the_settings_rest(tmp_path: Path) -> None:
    sites = sites_of(tmp_path, cookie_domain="all.example")
    assert (sites.of("shop").consent_default, sites.of("shop").cookie_domain) == (
        "denied",
        "shop.example",
    )
    assert (sites.of("blog").consent_default, sites.of("blog").cookie_domain) == (
        "granted",
        "all.example",
    )


@pytest.mark.parametrize(
    ("page", "allowed"),
    [
        ("", True),
        ("https://shop.example/cart?a=1", True),
        ("https://shop.example", True),
        ("https://SHOP.example/", True),
        ("https://a.shop.example/", True),
        ("https://a.b.shop.example/x", True),
        ("http://shop.example/", False),
        ("https://shop.example:8443/", False),
        ("https://shop.example.evil.example/", False),
        ("https://evilshop.example/", False),
        ("https://.shop.example/", False),
        ("https://evil.example/https://shop.example/", False),
        ("null", False),
    ],
)
def test_pages_of_a_site(tmp_path: Path, page: str, allowed: bool) -> None:
    sites = sites_of(tmp_path)
    assert sites.problem("shop", page) == ("" if allowed else FOREIGN_PAGE)
    assert sites.problem("blog", page) == ""


def test_links_of_a_site(tmp_path: Path) -> None:
    shop = sites_of(tmp_path).of("shop")
    allowed = [
        host
        for host in ("shop.example", "a.shop.example", "partner.example", "a.partner.example")
        if shop.allows_link(host)
    ]
    assert allowed == ["shop.example", "a.partner.example"]
    assert not sites_of(tmp_path).of("blog").allows_link("shop.example")


def test_hits_without_a_site_are_the_default_sites(tmp_path: Path) -> None:
    assert sites_of(tmp_path).problem("", "") == UNKNOWN_SITE
    sites = sites_of(tmp_path, FILE.replace('key = "shop"', 'key = "shop"\ndefault = true'))
    assert sites.default is sites.get("shop")
    assert sites.problem("", "") == ""
    assert sites.problem("", "https://evil.example/") == FOREIGN_PAGE
    assert sites.problem("other", "") == UNKNOWN_SITE


def test_origins_that_may_read_answers(tmp_path: Path) -> None:
    text = FILE.replace('key = "blog"', 'key = "blog"\norigins = ["https://blog.example"]')
    accepting, refusing = sites_of(tmp_path, text), sites_of(tmp_path, text, unknown_sites="refuse")
    assert accepting.allows_origin("https://evil.example")
    assert refusing.allows_origin("https://blog.example")
    assert not refusing.allows_origin("https://evil.example")


def test_a_file_is_read_again(tmp_path: Path) -> None:
    sites = sites_of(tmp_path)
    before = sites.version
    (tmp_path / "sites.toml").write_text('[[site]]\nkey = "new"\n')
    sites.reload()
    assert sites.version > before
    assert sites.get("shop") is None
    assert sites.get("new") is not None


def test_a_broken_file_changes_nothing_and_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sites = sites_of(tmp_path)
    before = sites.version
    (tmp_path / "sites.toml").write_text("[[site]]\nkey = 1\n")
    sites.reload()
    assert "site number 1: key: got 1" in sites.file.problem
    assert sites.file.problem in caplog.text
    assert sites.version == before
    assert sites.get("shop") is not None
    (tmp_path / "sites.toml").unlink()
    sites.reload()
    assert "sites.toml: No such file" in sites.file.problem
    (tmp_path / "sites.toml").write_text(FILE)
    sites.reload()
    assert sites.file.problem == ""


def test_a_broken_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSiteFile, match=r"sites\.toml: "):
        sites_of(tmp_path, "[[site")
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(BadSiteFile, match="not UTF-8"):
        Sites(CollectorSettings(sites_file=tmp_path / "latin"))


def test_a_worker_takes_the_text_that_was_whole(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text("broken")
    sites = Sites(CollectorSettings(sites_file=file), FILE)
    assert sites.get("shop") is not None
