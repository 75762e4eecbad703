"""nginx with Lua (LuaJIT, as OpenResty has it) making a line of JSON, and a visitor's cookie.

As `nginx_njs`, with lua-cjson. The module and its libraries are Debian's, unpacked into the cache,
and fit Debian's nginx only.
"""

from pathlib import Path

from bench.peers import installed, nginx
from bench.peers.nginx_njs import COOKIE
from bench.server import Launch

_PACKAGES = (
    "libnginx-mod-http-lua",
    "libnginx-mod-http-ndk",
    "libluajit2-5.1-2",
    "libluajit2-5.1-common",
    "lua-cjson",
    "lua-resty-core",
    "lua-resty-lrucache",
    "libpcre3",
)
_MODULES = """
load_module {files}/usr/lib/nginx/modules/ndk_http_module.so;
load_module {files}/usr/lib/nginx/modules/ngx_http_lua_module.so;
"""
_LOG = """
    lua_package_path "{files}/usr/share/lua/5.1/?.lua;;";
    lua_package_cpath "{files}/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";
    log_format hits escape=none '$hit';
    access_log {folder}/hits.ndjson hits;
"""
_LOCATION = """
            set_by_lua_block $visitor { return ngx.var.cookie_hg or ngx.var.request_id }
            set_by_lua_block $hit {
                local json, var = require "cjson", ngx.var
                local a, h = ngx.req.get_uri_args(), ngx.req.get_headers()
                return json.encode({
                    id = var.request_id, received_at = var.time_iso8601,
                    event = a.e or "PageView", site = a.site or "", url = a.u or h.referer or "",
                    referrer = a.r or "", value = a.v, currency = a.c, visitor_id = var.visitor,
                    ip = var.remote_addr, user_agent = h.user_agent or "",
                    language = h.accept_language or "",
                })
            }
"""


def prepare() -> None:
    """Get the modules; raises UnavailableError."""
    installed.debian("nginx-lua", _PACKAGES)


def launch(folder: Path, port: int) -> Launch:
    """Write the configuration and start it."""
    files = installed.debian("nginx-lua", _PACKAGES)
    log = _LOG.format(files=files, folder=folder)
    modules = _MODULES.format(files=files)
    started = nginx.start(folder, port, log, modules, _LOCATION + COOKIE)
    libraries = (files / "usr/lib/x86_64-linux-gnu", files / "lib/x86_64-linux-gnu")
    return Launch(started.command, {"LD_LIBRARY_PATH": ":".join(map(str, libraries))})
