"""The live page: one document of HTML, style and script for people without Grafana.

It reads ClickHouse's HTTP interface from the browser and nothing else, so it is served by the
embedded store (`GET /`) or, written to a file by `python -m deploy.live_page`, by any web server.
Invariant: its policy (CSP) lets it run its own script and speak to its store, nothing more. Knows
no store and no hits.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from collector.routes.start import store_origin
from collector.snippets import script_json

_STYLES = ("uplot/uPlot.min.css", "live.css")
# In the order in which they need each other.
_SCRIPTS = (
    "uplot/uPlot.iife.min.js",
    *("store.js", "queries.js", "charts.js", "panels.js", "reports.js", "live.js"),
)


def served_page(nonce: str, collector_url: str) -> str:
    """Return the page for an answer whose policy is `policy(nonce, …)`."""
    settings = {"storeUrl": None, "database": None, "collectorUrl": collector_url}
    return _page().substitute(
        nonce=f' nonce="{nonce}"', policy="", settings=script_json(settings), **_parts()
    )


def policy(nonce: str, url: str) -> str:
    """Return the Content-Security-Policy; `url` is of another server to ask, or empty."""
    source = f"'nonce-{nonce}'"
    return _policy(source, source, store_origin(url)) + "; frame-ancestors 'none'"


def page_file(url: str, database: str, collector_url: str) -> str:
    """Return the page as a file: its policy is in it, and it may ask the server of `url` only."""
    parts = _parts()
    settings = {"storeUrl": url, "database": database, "collectorUrl": collector_url}
    style, script = (_hash("\n" + parts[name]) for name in ("css", "js"))
    content = _policy(script, style, store_origin(url))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{content}">\n'
    return _page().substitute(nonce="", policy=meta, settings=script_json(settings), **parts)


def _policy(script: str, style: str, store: str) -> str:
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:; "
        f"connect-src 'self' {store}; base-uri 'none'; form-action 'none'"
    )


@cache
def _page() -> Template:
    return Template(_file("live.html"))


@cache
def _parts() -> dict[str, str]:
    return {
        "css": "\n".join(_file(name) for name in _STYLES),
        "js": "\n".join(('"use strict";', *map(_file, _SCRIPTS))),
    }


def _file(name: str) -> str:
    return files(__package__).joinpath(*name.split("/")).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
