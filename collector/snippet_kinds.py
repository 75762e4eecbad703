"""The kinds of snippets, each ready to copy: what /start shows and `heliograph snippet` prints.

A snippet is made for one collector and one site; what its user fills in is in capitals. Pure; knows
nothing of requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote as shell_quote
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from collector.snippets import image_snippet, script_json, tag_snippet

# The path of the API, which no blocker sees.
EVENTS_PATH: Final = "/v1/events"


@dataclass(frozen=True, slots=True)
class Place:
    """Where hits go. `origin` is the collector's as browsers reach it, without a slash behind."""

    origin: str
    site: str
    pixel_path: str = "/p.gif"
    beacon_path: str = "/p"
    tag_path: str = "/px.js"
    consent: Literal["", "required"] = ""

    def pixel_url(self, event: str, **parameters: str) -> str:
        """Return the address of a pixel."""
        values = {"e": event, "site": self.site, **parameters}
        return f"{self.origin}{self.pixel_path}?{urlencode(values, quote_via=quote)}"


class Event(NamedTuple):
    """What the examples say happened."""

    name: str = ""
    value: str = "49.99"
    currency: str = "EUR"


NO_EVENT: Final = Event()


class Snippet(NamedTuple):
    """One snippet; `about` says in a sentence or two where it goes."""

    kind: str
    title: str
    about: str
    text: str


def snippet(kind: str, place: Place, event: Event = NO_EVENT) -> Snippet:
    """Return a snippet of one of `KINDS`."""
    title, about, text_of = _KINDS[kind]
    return Snippet(kind, title, about, text_of(place, event))


def all_snippets(place: Place) -> Sequence[Snippet]:
    """Return a snippet of each kind."""
    return [snippet(kind, place) for kind in KINDS]


def _tag(place: Place, event: Event) -> str:
    return tag_snippet(
        place.origin,
        place.site,
        tag_path=place.tag_path,
        pixel_path=place.pixel_path,
        consent=place.consent,
    )


def _image(place: Place, event: Event) -> str:
    return image_snippet(place.pixel_url(event.name or "PageView"))


def _conversion(place: Place, event: Event) -> str:
    name = event.name or "Purchase"
    properties = {"value": _number(event.value), "currency": event.currency, "eid": "ORDER"}
    url = place.pixel_url(name, v=event.value, c=event.currency, eid="ORDER")
    return _track(place, name, properties, url)


def _retargeting(place: Place, event: Event) -> str:
    name = event.name or "ViewProduct"
    url = place.pixel_url(name, **{"p.sku": "SKU", "p.category": "CATEGORY"})
    return _track(place, name, {"sku": "SKU", "category": "CATEGORY"}, url)


def _track(place: Place, name: str, properties: Mapping[str, object], url: str) -> str:
    lines = [
        "<script>",
        f'  hg("track", {script_json(name)}, {_literal(properties)});',
        "</script>",
    ]
    if not place.consent:
        lines.append(f"<noscript>{image_snippet(url)}</noscript>")
    return "\n".join(lines)


def _beacon(place: Place, event: Event) -> str:
    values = {"e": event.name or "Purchase", "site": place.site, "v": _number(event.value),
              "c": event.currency, "eid": "ORDER"}  # fmt: skip
    return (
        f"<script>\n  navigator.sendBeacon({script_json(place.origin + place.beacon_path)},\n"
        f"    JSON.stringify({_literal(values)[:-1]}, u: location.href}}));\n</script>"
    )


def _email(place: Place, event: Event) -> str:
    url = place.pixel_url(
        event.name or "Open",
        cid="CAMPAIGN",
        mid="MESSAGE",
        rid="RECIPIENT",
    )
    # The Referer of a mail is a mailbox, which is nobody's business.
    return image_snippet(url).replace("no-referrer-when-downgrade", "no-referrer")


def _server(place: Place, event: Event) -> str:
    values = [{"e": event.name or "Purchase", "site": place.site, "eid": "ORDER",
               "v": _number(event.value), "c": event.currency}]  # fmt: skip
    return (
        f"curl {shell_quote(place.origin + EVENTS_PATH)} \\\n"
        f"  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\\n"
        f"  --data-binary {shell_quote(orjson.dumps(values).decode())}"
    )


def _curl(place: Place, event: Event) -> str:
    return f"curl -i {shell_quote(place.pixel_url(event.name or 'PageView'))}"


def _literal(values: Mapping[str, object]) -> str:
    """Return an object as a person would write it in JavaScript; the names are identifiers."""
    return "{" + ", ".join(f"{name}: {script_json(value)}" for name, value in values.items()) + "}"


def _number(text: str) -> float | str:
    """Return a number for JSON; a text that is none is the user's to mend."""
    try:
        return float(text)
    except ValueError:
        return text


_Row = tuple[str, str, Callable[[Place, Event], str]]
_KINDS: Final[Mapping[str, _Row]] = {
    "tag": ("Page views, with the tag",
            "In the head of every page: views, in-page navigation, links and downloads that are "
            "followed. The image is for browsers without scripts.", _tag),
    "image": ("Page view, as an image",
              "For pages that take no script. The policy lets the browser say which page it is.",
              _image),
    "conversion": ("Conversion",
                   "On the page after the order, behind the tag. Put your order's number for "
                   "ORDER: sent by browser and server, it counts once.", _conversion),
    "retargeting": ("Retargeting",
                    "On a product's page, behind the tag. Whoever saw which product is an "
                    "audience.", _retargeting),
    "beacon": ("Conversion, without the tag",
               "For pages with scripts of their own: it is sent even if the page is left at once.",
               _beacon),
    "email": ("Email open",
              "In the HTML of a mail; your mailer fills in the words in capitals. It may sign "
              "recipients (rs) and say when the mail was sent (st).", _email),
    "server": ("From your server",
               "For what no browser should have to tell. KEY is one that heliograph keys made.",
               _server),
    "curl": ("From a terminal", "To see whether hits arrive.", _curl),
}  # fmt: skip
KINDS: Final = tuple(_KINDS)
