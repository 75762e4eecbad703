"""The header block of a plain pixel request: no body, nothing asked of the connection but its end.

httptools parses; one parser serves all connections, since it is only ever given whole requests.
What is not surely plain, repeated headers too, is left to the application. Knows nothing of
connections.
"""

from typing import Final, TypeAlias

import httptools

from collector.facts import Kept
from collector.host_header import is_valid_host
from schemas.limits import HEADERS_MAX

# Headers that make a request something else than a plain GET.
_UNUSUAL: Final = frozenset((b"content-length", b"transfer-encoding", b"upgrade", b"expect"))

# What a plain request's headers say, and whether the connection ends with its answer.
PlainHead: TypeAlias = tuple[Kept, bool]


class PlainHeadReader:
    """Reads one whole request after another; they may be of different connections."""

    # What httptools looks for in a protocol, and gets quickest if it is there and None.
    on_message_begin = on_url = on_headers_complete = None
    on_body = on_message_complete = on_chunk_header = on_chunk_complete = None

    def __init__(self) -> None:
        # One request's headers, as they were sent; filled by the parser without a Python call.
        self._sent: dict[bytes, bytes] = {}
        self.on_header = self._sent.__setitem__
        self._parser = httptools.HttpRequestParser(self)

    def read(self, request: bytes) -> PlainHead | None:
        """Read one whole request's headers; None unless it is a plain one."""
        self._sent.clear()
        try:
            self._parser.feed_data(request)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser = httptools.HttpRequestParser(self)
            return None
        kept = {name.lower(): value for name, value in self._sent.items()}
        close = _asks_to_close(kept)
        if close is not False:
            # The parser takes nothing more after `close`, nor after a body has begun.
            self._parser = httptools.HttpRequestParser(self)
        # Each header is one line (the parser refuses folded ones), so a name that came twice shows.
        lines = request.count(b"\n") - 2
        if close is None or len(kept) != lines or lines > HEADERS_MAX:
            return None
        return kept, close


def _asks_to_close(kept: Kept) -> bool | None:
    """Tell whether the request ends the connection; None if it is not plain."""
    host = kept.get(b"host")
    if host is None or not is_valid_host(host) or not _UNUSUAL.isdisjoint(kept):
        return None
    connection = kept.get(b"connection")
    if connection is None:
        return False
    word = connection.rstrip(b" \t").lower()
    if word == b"keep-alive":
        return False
    return True if word == b"close" else None
