"""A site on an origin of its own: a small HTTP server that has the pages it is given.

    with Site() as site:
        site.pages["/"] = "<p>hello</p>"
        browser_goes_to(site.url + "/")

To a browser `localhost` and `127.0.0.1` are two sites, and two ports of one name are two origins
of one site: what it does with cookies differs. Knows nothing of Heliograph.
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Site:
    """Pages by path, without the query; anything else is 404."""

    def __init__(self, host: str = "localhost") -> None:
        self.host = host
        self.pages: dict[str, str] = {}
        self._server = ThreadingHTTPServer((host, 0), _handler(self.pages))
        self._thread = threading.Thread(target=self._server.serve_forever, name="site")

    @property
    def port(self) -> int:
        """The site's port."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The site's origin."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(pages: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            body = b"" if page is None else f"<!doctype html><title>site</title>{page}".encode()
            status = HTTPStatus.NOT_FOUND if page is None else HTTPStatus.OK
            if self.path == "/favicon.ico":
                status = HTTPStatus.NO_CONTENT
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
