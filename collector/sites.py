"""The sites that this collector serves, and what each may do.

Sites come from the file `collector.sites_file`, which is read again on SIGHUP; a file that is
broken changes nothing and is told of. Without a file there is one site, of the settings, that takes
every hit whatever its `site` says.

`Sites` is shared by all parts of a worker and changes in place: ask it, and keep nothing of it but
together with `version`, which rises whenever an answer may be another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.consent_words import Level
from collector.settings import CollectorSettings
from schemas.reread_file import RereadFile
from schemas.site_file import BadSiteFile, SiteEntry, parse_site_file

UNKNOWN_SITE: Final = "site: not in the file of sites"
FOREIGN_PAGE: Final = "site: its pages are elsewhere"


@dataclass(frozen=True, slots=True)
class Site:
    """What holds for one site's hits; `key` is empty for hits of no known site."""

    key: str
    consent_default: Level
    # Of the visitor cookie; empty: the collector's own host.
    cookie_domain: str
    # Where its pages are, as origins (`https://shop.example`, `https://*.shop.example`) and where
    # its links may lead, as domains (`shop.example`, `*.shop.example`); no origins: anywhere.
    origins: tuple[str, ...] = ()
    link_domains: tuple[str, ...] = ()
    # What begins the address of a page of the origins without `*`.
    _page_starts: tuple[str, ...] = ()

    def allows_page(self, page: str) -> bool:
        """Tell whether a page's address (or an origin) is one of the site's."""
        if not self.origins or page.startswith(self._page_starts):
            return True
        scheme, separator, rest = page.partition("://")
        authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
        return _fits(f"{scheme}{separator}{authority}".lower(), self.origins)

    def allows_link(self, host: str) -> bool:
        """Tell whether a link may lead to a host (lower case, without port)."""
        return _fits(host, self.link_domains)


class Sites:
    """The sites by their key. `version` rises with each change."""

    def __init__(self, settings: CollectorSettings, text: str | None = None) -> None:
        """Read the file, or take its text as the supervisor has read it. Raises BadSiteFile."""
        self._settings = settings
        self.refuses = settings.unknown_sites == "refuse"
        self.file = RereadFile[Sequence[SiteEntry]](
            settings.sites_file, parse_site_file, (), BadSiteFile, text
        )
        # Without a file every hit is right.
        self.is_open = settings.sites_file is None
        self.version = 0
        self._take(self.file.value)

    def get(self, key: str) -> Site | None:
        """Return a site of the file; None for a key that it does not have."""
        return self._by_key.get(key)

    def of(self, key: str) -> Site:
        """Return what holds for hits of a site: of its own or, unknown, of `default`."""
        return self._by_key.get(key, self.default)

    def all(self) -> Iterable[Site]:
        """Return the sites of the file."""
        return self._by_key.values()

    def problem(self, key: str, page: str) -> str:
        """Say what is wrong with a hit of a site that came from a page; empty if nothing is.

        A page that is not known (email, a server, a browser that does not say) is right.
        """
        site = self._by_key.get(key or self.default.key)
        if site is None:
            return "" if self.is_open else UNKNOWN_SITE
        return "" if not page or site.allows_page(page) else FOREIGN_PAGE

    def allows_origin(self, origin: str) -> bool:
        """Tell whether pages of an origin may read answers: it is of any site that has a say."""
        if self.is_open or not self.refuses:
            return True
        return any(site.allows_page(origin) for site in self._by_key.values())

    def reload(self) -> None:
        """Read the file again; if it is broken the sites stay, and `file.problem` says why."""
        if self.file.reload():
            self._take(self.file.value)

    def _take(self, entries: Sequence[SiteEntry]) -> None:
        settings = self._settings
        self._by_key = {entry.key: _site(entry, settings) for entry in entries}
        default = next((self._by_key[entry.key] for entry in entries if entry.default), None)
        # What holds for hits that name no site, or one that is not known.
        self.default = default or Site("", settings.consent_default, settings.cookie_domain)
        self.version += 1


def _site(entry: SiteEntry, settings: CollectorSettings) -> Site:
    domain = entry.cookie_domain
    return Site(
        entry.key,
        entry.consent_default or settings.consent_default,
        settings.cookie_domain if domain is None else domain,
        tuple(entry.origins),
        tuple(entry.link_domains),
        tuple(f"{origin}/" for origin in entry.origins if "*" not in origin),
    )


def _fits(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a host or an origin is one of the patterns; `*.` is one label and more."""
    for pattern in patterns:
        before, star, after = pattern.partition("*")
        if name == pattern or (
            star
            and name.startswith(before)
            and name.endswith(after)
            and len(name) > len(before) + len(after)
        ):
            return True
    return False
