"""nginx answering its built-in `empty_gif`, with the access log as Debian configures it.

One worker; each request is a line in nginx's `combined` format, written when it is answered. Lines
are not buffered: that is nginx's default, and comes nearest to a hit that is kept once answered.
Peers that are nginx with a module (`nginx_njs`, `nginx_lua`) differ by what they pass to `start`.
"""

import shutil
from pathlib import Path

from bench.server import Launch

_BINARY = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
_CONFIGURATION = """
{modules}
daemon off;
worker_processes 1;
worker_rlimit_nofile 65535;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{
    worker_connections 16384;
}}
http {{
{log}
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /p.gif {{
{location}
            empty_gif;
        }}
    }}
}}
"""


def missing() -> str:
    """Say what to install if there is no nginx here."""
    return "" if _BINARY else "nginx (Debian, Ubuntu: apt-get install nginx-light)"


def launch(folder: Path, port: int) -> Launch:
    """Start it; raises AssertionError where `missing` has something to say."""
    return start(folder, port, log=f"access_log {folder}/access.log combined;")


def start(folder: Path, port: int, log: str, modules: str = "", location: str = "") -> Launch:
    """Write the configuration with these lines of a peer's own, and start it with that."""
    assert _BINARY
    file = folder / "nginx.conf"
    filled = _CONFIGURATION.format(
        folder=folder, port=port, log=log, modules=modules, location=location
    )
    file.write_text(filled)
    return Launch([_BINARY, "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(file)])
