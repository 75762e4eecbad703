"""The file of sites: one `[[site]]` table per site, checked as a whole.

The collector reads it for what a site may do, the consumer for how long its hits are kept. A file
is taken whole or not at all; the error names the file, the site and the member. Pure; knows nothing
of HTTP.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.errors import Explained
from schemas.limits import SITE_BYTES_MAX, SITES_MAX
from schemas.table_file import parse_tables

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_ORIGIN = re.compile(rf"https?://(?:\*\.)?{_HOST}(?::\d{{1,5}})?")
_DOMAIN = re.compile(rf"(?:\*\.)?{_HOST}")
_KEY = re.compile(r"[A-Za-z0-9._-]+")


class BadSiteFile(Explained):
    """A file of sites that can't be used; one line for each fault."""


def is_site_key(text: str) -> str:
    """Return a site's key; raises ValueError if it can't be one."""
    if not _KEY.fullmatch(text) or len(text) > SITE_BYTES_MAX:
        raise ValueError(
            f"a site's key has ASCII letters, digits, ., _ and -, {SITE_BYTES_MAX} at most"
        )
    return text


def _is_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError(
            "an origin is https://host or https://host:port, lower case, without a path; "
            "https://*.host stands for every host below it"
        )
    return text


def _is_domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError("a domain is host or *.host (every host below it), lower case")
    return text


def _is_cookie_domain(text: str) -> str:
    if text and not re.fullmatch(rf"\.?{_HOST}", text):
        raise ValueError("a cookie's domain is a host, lower case; empty: the collector's own host")
    return text


# Where a link may lead: a host, or all below one.
LinkDomain = Annotated[str, AfterValidator(_is_domain)]


class SiteEntry(BaseModel):
    """One site as the file has it; what is left out holds as the settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: Annotated[str, AfterValidator(is_site_key)]
    # Whether hits that name no site are this one's.
    default: bool = False
    # Where its pages are; empty: anywhere.
    origins: list[Annotated[str, AfterValidator(_is_origin)]] = []
    # Where its signed or unsigned links may lead.
    link_domains: list[LinkDomain] = []
    consent_default: Literal["granted", "limited", "denied"] | None = None
    cookie_domain: Annotated[str, AfterValidator(_is_cookie_domain)] | None = None
    # As clickhouse.retention_days: more ends beyond the dates that a ClickHouse DateTime has.
    retention_days: int | None = Field(None, ge=1, le=25_000)


def parse_site_file(text: str, name: str) -> Sequence[SiteEntry]:
    """Return the sites of a file's text; `name` is the file's. Raises BadSiteFile."""
    entries, problems = parse_tables(text, name, "site", SiteEntry, "key", SITES_MAX)
    defaults = [entry.key for entry in entries if entry.default]
    problems += [
        f"{name}: site {key!r}: default: {defaults[0]!r} is the default already"
        for key in defaults[1:]
    ]
    if problems:
        raise BadSiteFile("\n".join(problems))
    return entries
