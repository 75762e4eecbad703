"""The bytes of answers, built ahead: per hit only a cookie is spliced in, and that seldom.

`PixelAnswers` is renewed once a second for the Date header. The application sends the same headers
from `PIXEL_HEADERS`, so that a pixel gets the same answer whichever way it took. Knows nothing of
connections.
"""

from email.utils import formatdate
from typing import Final

# The smallest GIF that every client takes: one pixel, transparent (GIF89a), 43 bytes.
GIF: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)

PIXEL_HEADERS: Final = {
    "Content-Type": "image/gif",
    # Never stored, or a second view would not be seen; the older two are for old proxies.
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Pragma": "no-cache",
    "Expires": "0",
    # Pages under Cross-Origin-Embedder-Policy may load the pixel.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class PixelAnswers:
    """The pixel's answers for the current second."""

    def __init__(self) -> None:
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in PIXEL_HEADERS.items())
        self.refresh(0)

    def refresh(self, now_s: int) -> None:
        """Build the answers for the second `now_s` since 1970."""
        head = (
            f"HTTP/1.1 200 OK\r\nDate: {formatdate(now_s, usegmt=True)}\r\n"
            f"Content-Length: {len(GIF)}\r\n{self._fixed}"
        )
        self._head = head.encode()
        self._head_close = self._head + b"Connection: close\r\n"
        self.keep_alive = self._head + b"\r\n" + GIF
        self.close = self._head_close + b"\r\n" + GIF

    def answer(self, *, set_cookie: str = "", close: bool = False, body: bool = True) -> bytes:
        """Return the answer with what differs from `keep_alive`: cookie, close, HEAD."""
        if body and not set_cookie:
            return self.close if close else self.keep_alive
        head = self._head_close if close else self._head
        if set_cookie:
            head += f"Set-Cookie: {set_cookie}\r\n".encode()
        return head + b"\r\n" + GIF if body else head + b"\r\n"


def refusal(status: int, reason: str) -> bytes:
    """Return a whole answer that refuses a request and closes the connection."""
    text = f"{status} {reason}\n".encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + text


TIMED_OUT: Final = refusal(408, "Request Timeout")
TOO_MANY_CONNECTIONS: Final = refusal(503, "Service Unavailable")
LINE_TOO_LONG: Final = refusal(414, "URI Too Long")
HEAD_TOO_LARGE: Final = refusal(431, "Request Header Fields Too Large")
