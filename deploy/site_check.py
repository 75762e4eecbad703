"""`heliograph sites check`: whether the file of sites can be used, and what holds for each site."""

import argparse

from collector.sites import Site, Sites
from deploy.settings import BadSettings, Settings
from schemas.site_file import BadSiteFile


def check_sites(settings: Settings, options: argparse.Namespace) -> int:
    """Print what holds for each site; raises BadSettings for a file that can't be used."""
    try:
        sites = Sites(settings.collector)
    except BadSiteFile as error:
        raise BadSettings(str(error)) from error
    for site in sites.all():
        print(_line(site, is_default=site is sites.default))
    if not sites.default.key:
        what = "refused" if sites.refuses and not sites.is_open else "kept"
        print(_line(sites.default, is_default=True).replace("site : ", f"any other ({what}): "))
    return 0


def _line(site: Site, *, is_default: bool) -> str:
    parts = [
        f"consent {site.consent_default} by default",
        f"cookie of {site.cookie_domain or 'the collector alone'}",
        f"pages {', '.join(site.origins) or 'anywhere'}",
        f"links to {', '.join(site.link_domains) or 'nowhere unsigned'}",
    ]
    if is_default and site.key:
        parts.append("also hits that name no site")
    return f"site {site.key}: {'; '.join(parts)}"
