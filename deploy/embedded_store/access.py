"""Who asks, and may they: the guard before anything else of a request is looked at.

The store listens on this machine and its user `default` may do all, with an empty password unless
one is set. Three attacks come from web pages, since a page of any site can make the browser of
this machine send requests here:

- DNS rebinding: the page's own name is made to resolve to 127.0.0.1. The Host header then has that
  name; only `hosts_allowed` pass.
- Cross-site requests: a form, image or `fetch` to 127.0.0.1 needs nobody's leave to be sent. A
  browser marks what a page sends with Origin, Referer or Sec-Fetch-Site; whatever is so marked may
  act as `reader` only, with whatever password. Programs send none of these headers.
- A page that reads as `reader` what is stored here: only our own pages, those of `origins_allowed`,
  or any page that knows the reader's password, when one is set.

A GET is read-only besides (see `query`), as in ClickHouse: an old browser that marks nothing can
make it, but not read the answer.
Invariant: no answer tells a wrong name from a wrong password. Knows nothing of queries.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from deploy.embedded_store.errors import ACCESS_DENIED, AUTHENTICATION_FAILED, StoreError
from deploy.embedded_store.settings import StoreSettings

User = Literal["default", "reader"]

PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": "origin, x-requested-with, content-type, content-encoding, "
    "authorization, x-clickhouse-user, x-clickhouse-key, x-clickhouse-format, "
    "x-clickhouse-database",
    "Access-Control-Max-Age": "86400",
}
EXPOSED_HEADERS = (
    "X-ClickHouse-Query-Id,X-ClickHouse-Summary,X-ClickHouse-Server-Display-Name,"
    "X-ClickHouse-Format,X-ClickHouse-Timezone,X-ClickHouse-Exception-Code,"
    "X-ClickHouse-Exception-Tag"
)


class Access:
    """The rules above for one set of settings."""

    def __init__(self, settings: StoreSettings) -> None:
        self._hosts = {name.lower() for name in (*settings.hosts_allowed, settings.host)}
        self._origins = set(settings.origins_allowed)
        self._passwords = {
            "default": settings.default_password.get_secret_value(),
            "reader": settings.reader_password.get_secret_value(),
        }

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Raise StoreError if the request was made to a name that is not ours."""
        host = headers.get("Host")
        if host is None or "*" in self._hosts or (_host_name(host) in self._hosts):
            return
        raise StoreError(
            ACCESS_DENIED,
            f"The name {host!r} is not one of store.hosts_allowed "
            "(HELIOGRAPH_STORE_HOSTS_ALLOWED).",
            "host",
        )

    def identify(self, headers: Mapping[str, str], params: Mapping[str, str]) -> User:
        """Return who asks; raises StoreError."""
        name, password = _credentials(headers, params)
        page = _page(headers)
        if not name:
            name = "reader" if page else "default"
        if not hmac.compare_digest(self._passwords.get(name, "").encode(), password.encode()):
            raise _refused()
        if name == "reader":
            if page and not self._page_may_read(page, headers):
                raise StoreError(
                    ACCESS_DENIED,
                    "A page of this origin may not read: it is not one of store.origins_allowed "
                    "(HELIOGRAPH_STORE_ORIGINS_ALLOWED), and store.reader_password is not set.",
                    "origin",
                )
            return "reader"
        if name != "default":
            raise _refused()
        if page:
            raise StoreError(
                ACCESS_DENIED, "A web page may act as user reader only, not as default.", "origin"
            )
        return "default"

    def _page_may_read(self, page: str, headers: Mapping[str, str]) -> bool:
        if self._passwords["reader"] or page in self._origins or "*" in self._origins:
            return True
        return page.removeprefix("http://") == headers.get("Host") or page == "same-origin"


def _refused() -> StoreError:
    return StoreError(
        AUTHENTICATION_FAILED,
        "Authentication failed: password is incorrect, or there is no user with such name.",
        "password",
    )


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _page(headers: Mapping[str, str]) -> str:
    """Return the origin of the page that sent the request, or '' if no page did.

    Sec-Fetch-Site: none is a person typing the address.
    """
    if "Origin" in headers:
        return headers["Origin"]
    site = headers.get("Sec-Fetch-Site", "none")
    if site == "same-origin":
        return site
    if "Referer" in headers:
        return "/".join(headers["Referer"].split("/", 3)[:3])
    return "" if site == "none" else site


def _credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    """Return name and password from the headers of ClickHouse, basic auth, or the URL."""
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", ""), headers.get("X-ClickHouse-Key", "")
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _refused() from None
        return name, password
    if scheme:
        raise _refused()
    return params.get("user", ""), params.get("password", "")
