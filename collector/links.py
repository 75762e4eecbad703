"""Links that lead on: what a click's address says, what makes it valid, where it leads.

    /r?u=<destination>&s=<signature>[&x=<expiry>][&site=<key>][&utm_source=…][&cid=…&rid=…]

The signature covers what decides where a person is sent: destination, expiry and site. What only
describes the click is free, so that a mailer may fill in recipients and add UTM parameters later.

A destination is taken only if its form leaves no doubt about its host to any browser: http or
https, a host of plain ASCII, no user, nothing that browsers drop or turn round. All else that may
stand in a URL is escaped as browsers do. Pure functions; know nothing of requests and hits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote_plus, urlencode

import idna

from collector.secrets import Signer
from schemas.limits import SITE_BYTES_MAX, URL_BYTES_MAX

# Stands in a destination for the visitor's id.
VISITOR_MACRO: Final = "{visitor}"
UTM: Final = (
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id",
)  # fmt: skip
UTM_CHARACTERS_MAX: Final = 200

_LABEL = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
# Of an authority, only a name or an address and a port; then the end, or what begins the rest.
_START = re.compile(
    rf"(https?)://({_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?(?=[/?#]|\Z)",
    # ASCII, or the Kelvin sign would be a k.
    re.IGNORECASE | re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\ud800-\udfff]")
# What RFC 3986 lets stand in path, query and fragment, `%` of escapes included.
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~-._"
_EXPIRY = re.compile(r"[0-9]{1,11}")
# What says where a link leads, or how it was made, and nothing of the click.
_OWN = frozenset(("u", "s", "x"))

Reason = Literal["destination", "signature", "expired", "parameters"]


class BadLink(Exception):
    """A link that leads nowhere; the message is for people, `reason` for counting."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a link leads: a whole URL in ASCII; the host is lower case and without port."""

    url: str
    host: str

    def with_visitor(self, visitor_id: str) -> str:
        """Return the URL with the visitor's id, or with nothing, in the place of the macro."""
        return self.url.replace(VISITOR_MACRO, visitor_id)

    @property
    def wants_visitor(self) -> bool:
        """Tell whether the macro is in the URL."""
        return VISITOR_MACRO in self.url


@dataclass(frozen=True, slots=True)
class Link:
    """What a link's query says. `described` are the parameters that describe the click."""

    destination: Destination
    signature: str
    # Seconds since 1970 in digits, or empty.
    expiry: str
    site: str
    utm: Mapping[str, str]
    described: str
    _signed: bytes

    def is_signed(self, signer: Signer) -> bool:
        """Tell whether the signature is that of destination, expiry and site."""
        return bool(self.signature) and signer.is_signed(self._signed, self.signature)

    def is_expired(self, now_s: int) -> bool:
        """Tell whether the link's time is over at `now_s`, in seconds since 1970."""
        return bool(self.expiry) and now_s >= int(self.expiry)


def parse_link(query: str) -> Link:
    """Return what a click's query string (without `?`) says. Raises BadLink."""
    values: dict[str, str] = {}
    described = []
    for pair in query.split("&"):
        raw_name, _, raw_value = pair.partition("=")
        name = unquote_plus(raw_name)
        if name in _OWN or name == "site" or name in UTM:
            # Twice would be once for whoever signed and once for whoever reads.
            if name in values:
                raise BadLink("parameters", f"{name} is given twice")
            values[name] = unquote_plus(raw_value)
        if name not in _OWN and name != "e":
            described.append(pair)
    given, expiry, site = (values.get(name, "") for name in ("u", "x", "site"))
    if expiry and not _EXPIRY.fullmatch(expiry):
        raise BadLink("parameters", "x is not a number of seconds since 1970")
    return Link(
        destination(given, values),
        values.get("s", ""),
        expiry,
        site,
        {name: values[name] for name in UTM if values.get(name)},
        "&".join(described),
        _signed_bytes(given, expiry, site),
    )


def signed_query(
    to: str,
    signer: Signer,
    *,
    site: str = "",
    expiry_s: int | None = None,
    described: Mapping[str, str] | None = None,
) -> str:
    """Return the query string of a link; `described` are its other parameters. Raises BadLink.

    A host in other letters than ASCII is turned into its ASCII form, as browsers do.
    """
    url = destination(ascii_host(to)).url
    if _CONTROL.search(site) or len(site.encode()) > SITE_BYTES_MAX:
        raise BadLink("parameters", "site is not a site's key")
    expiry = "" if expiry_s is None else str(expiry_s)
    if expiry and not _EXPIRY.fullmatch(expiry):
        raise BadLink("parameters", "the link's end is no time that a link can have")
    values = {"u": url, "site": site, "x": expiry, **(described or {})}
    values["s"] = signer.signature(_signed_bytes(url, expiry, site))
    return urlencode({name: value for name, value in values.items() if value}, quote_via=quote)


def destination(text: str, added: Mapping[str, str] | None = None) -> Destination:
    """Return the destination that a text names, UTM parameters of `added` put in. Raises BadLink.

    What the URL has already is not added again.
    """
    start = _START.match(text)
    if start is None or _CONTROL.search(text):
        raise BadLink(
            "destination",
            "the destination is not a whole address: http:// or https://, a host in ASCII, no "
            "user name, no control characters",
        )
    if start[3] and int(start[3][1:]) > 65535:
        raise BadLink("destination", "the destination's port is none")
    url = start.group().lower() + _escaped(text[start.end() :])
    if added:
        url = _with_parameters(url, {name: added[name] for name in UTM if added.get(name)})
    if len(url) > URL_BYTES_MAX:
        raise BadLink("destination", f"the destination is longer than {URL_BYTES_MAX} bytes")
    return Destination(url, start[2].lower())


def tagged(text: str, utm: Mapping[str, str]) -> str:
    """Return an address with UTM parameters, for links that need no redirect. Raises BadLink."""
    return destination(ascii_host(text), utm).url


def ascii_host(text: str) -> str:
    """Return an address with its host in ASCII, as browsers turn it (UTS 46).

    What has no such form is left as it is, to be refused.
    """
    found = re.match(r"(https?://)([^/?#\\@:\[\]]+)(.*)", text, re.IGNORECASE | re.DOTALL)
    if found is None or found[2].isascii():
        return text
    try:
        host = idna.encode(found[2], uts46=True).decode()
    except idna.IDNAError:
        return text
    return f"{found[1]}{host}{found[3]}"


def _escaped(rest: str) -> str:
    """Escape what may not stand in a URL as browsers do, the macro apart."""
    return VISITOR_MACRO.join(
        quote(part, safe=_SAFE, errors="strict") for part in rest.split(VISITOR_MACRO)
    )


def _with_parameters(url: str, added: Mapping[str, str]) -> str:
    before, hash_mark, fragment = url.partition("#")
    path, _, query = before.partition("?")
    there = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}
    new = {name: value[:UTM_CHARACTERS_MAX] for name, value in added.items() if name not in there}
    if not new:
        return url
    parts = [query] if query else []
    parts.append(urlencode(new, quote_via=quote, errors="replace"))
    return f"{path}?{'&'.join(parts)}{hash_mark}{fragment}"


def _signed_bytes(url: str, expiry: str, site: str) -> bytes:
    """Return what is signed. A line end in a value would make two links of one signature."""
    if "\n" in site:
        raise BadLink("parameters", "site is not a site's key")
    return f"{url}\n{expiry}\n{site}".encode(errors="surrogatepass")
