"""`GET /px.js`: the tag, the script that a site's pages load.

It is built of `collector/tag` when Heliograph is packaged; here it gets this collector's paths and
is compressed, once. Every worker serves the same bytes under the same ETag. Any page may load it,
whatever its policies ask of other origins.
"""

import gzip
from hashlib import sha256
from importlib.resources import files
from typing import Final

from aiohttp import hdrs, web

from collector.settings import CollectorSettings
from collector.snippets import script_json

_HEADERS: Final = {
    # Short, since a page can't ask for a newer one; then a day in which a browser asks behind the
    # page's back, and a week for a collector that is away.
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800",
    "Vary": "Accept-Encoding",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the tag's route."""
    plain = tag_script(settings.pixel_path, settings.beacon_path)
    etag = sha256(plain).hexdigest()[:20]
    # Without a time in it, so that all workers have the same bytes.
    packed = gzip.compress(plain, mtime=0)

    async def tag(request: web.Request) -> web.Response:
        is_packed = takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        own = f"{etag}-gzip" if is_packed else etag
        headers = {**_HEADERS, "ETag": f'"{own}"'}
        if any(known.value in ("*", own) for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=packed if is_packed else plain,
            headers=headers,
            content_type="text/javascript",
            charset="utf-8",
        )

    app.router.add_get(settings.tag_path, tag)


def tag_script(pixel_path: str, beacon_path: str) -> bytes:
    """Return the tag with a collector's paths in place of the default ones."""
    script = files("collector").joinpath("pages", "px.js").read_text(encoding="ascii")
    for default, path in (('"/p"', beacon_path), ('"/p.gif"', pixel_path)):
        before, found, after = script.partition(default)
        assert found, f"px.js has no {default}"
        assert default not in after, f"px.js has {default} twice"
        script = before + script_json(path) + after
    return script.encode("ascii")


def takes_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header (RFC 9110 section 12.5.3) allows gzip."""
    weights = {}
    for part in accepted.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, weight = parameter.partition("=")
        weights[coding.strip()] = weight.strip() if name.strip() == "q" else "1"
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != ""
