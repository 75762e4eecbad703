"""The text that a site's owner copies into a page: one home for /start, the command line, the docs.

Every value is made safe for where it stands, whatever an operator chose for paths and keys.
Knows nothing of requests.
"""

from html import escape
from typing import Literal
from urllib.parse import quote

import orjson

# How an image asks the browser to say whole which page it is on.
WHOLE_REFERER = 'referrerpolicy="no-referrer-when-downgrade"'


def tag_snippet(
    origin: str,
    site: str,
    *,
    tag_path: str = "/px.js",
    pixel_path: str = "/p.gif",
    consent: Literal["", "required"] = "",
    nonce: str = "",
) -> str:
    """Return the elements that load the tag and count a view.

    `origin` is the collector's, without a slash at the end; `nonce` is the page's own, for its
    Content-Security-Policy. With `consent` required there is no image for browsers without
    scripts: nobody could have said yes.
    """
    options = f", {{consent: {script_json(consent)}}}" if consent else ""
    attribute = f' nonce="{escape(nonce)}"' if nonce else ""
    lines = [
        f"<script{attribute}>",
        "  window.hg = window.hg || function () { (hg.q = hg.q || []).push(arguments); };",
        f'  hg("init", {script_json(site)}{options});',
        "</script>",
        f'<script{attribute} async src="{escape(origin + tag_path)}"></script>',
    ]
    if not consent:
        view = f"{origin}{pixel_path}?e=PageView&site={quote(site, safe='')}"
        lines.append(f"<noscript>{image_snippet(view)}</noscript>")
    return "\n".join(lines)


def image_snippet(url: str) -> str:
    """Return the image element of a pixel that says its page."""
    return f'<img src="{escape(url)}"\n     {WHOLE_REFERER} width="1" height="1" alt="">'


def script_json(value: object) -> str:
    """Return a value as JSON that may stand inside a script element, whatever texts are in it."""
    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
