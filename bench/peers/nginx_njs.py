"""nginx with njs (its JavaScript) making a line of JSON of each request, and a visitor's cookie.

The line is a variable that the access log writes, unbuffered as in `nginx`: njs's own file API
would open the file anew for each request. It takes the query, cookie and headers that
`bench.apps.job` takes; no consent, no limits, and the time is nginx's. The module is Debian's,
unpacked into the cache, and fits Debian's nginx only.
"""

from pathlib import Path

from bench.peers import installed, nginx
from bench.server import Launch

_PACKAGES = ("libnginx-mod-http-js",)
_MODULE = "usr/lib/nginx/modules/ngx_http_js_module.so"
_SCRIPT = """\
function visitor(r) {
    return r.variables.cookie_hg || r.variables.request_id;
}

function hit(r) {
    const a = r.args, h = r.headersIn;
    return JSON.stringify({
        id: r.variables.request_id, received_at: r.variables.time_iso8601,
        event: a.e || 'PageView', site: a.site || '', url: a.u || h.Referer || '',
        referrer: a.r || '', value: a.v, currency: a.c, visitor_id: visitor(r),
        ip: r.remoteAddress, user_agent: h['User-Agent'] || '',
        language: h['Accept-Language'] || '',
    });
}

export default {visitor, hit};
"""
_LOG = """
    js_path {folder};
    js_import pixel from pixel.js;
    js_set $visitor pixel.visitor;
    js_set $hit pixel.hit;
    log_format hits escape=none '$hit';
    access_log {folder}/hits.ndjson hits;
"""
COOKIE = """
            add_header Set-Cookie "hg=$visitor; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax";
            add_header Cache-Control no-store;
"""


def prepare() -> None:
    """Get the module; raises UnavailableError."""
    installed.debian("nginx-njs", _PACKAGES)


def launch(folder: Path, port: int) -> Launch:
    """Write script and configuration, and start it."""
    module = installed.debian("nginx-njs", _PACKAGES) / _MODULE
    (folder / "pixel.js").write_text(_SCRIPT)
    log = _LOG.format(folder=folder)
    return nginx.start(folder, port, log, f"load_module {module};", COOKIE)
