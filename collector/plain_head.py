"""The header block of a plain pixel request: no body, nothing asked of the connection but its end.

httptools parses; one parser serves all connections, since it is only ever given whole requests.
Browsers of one make send the same block but for a few headers, so what a block says without those
(`_OWN`) is remembered once it came twice, in memory that is bounded; what is personal is in them.
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

# Headers that differ between clients of one make, as browsers spell them.
_OWN: Final = ((b"\r\nReferer: ", b"referer"), (b"\r\nCookie: ", b"cookie"))
_VISIBLE: Final = bytes(range(0x21, 0x7F))
_VALUE: Final = b" " + _VISIBLE
# Blocks that are remembered, and how long they may be; a browser's has some 600 bytes.
BLOCKS_MAX: Final = 1_024
BLOCK_BYTES_MAX: Final = 2_048

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
        # What blocks say without `_OWN`, and the hashes of those that came once.
        self._blocks: dict[bytes, PlainHead] = {}
        self._seen: set[int] = set()

    def read(self, request: bytes) -> PlainHead | None:
        """Read one whole request's headers; None unless it is a plain one."""
        block, own = _without_own(request)
        if block is None:
            return self._parse(request)
        known = self._blocks.get(block)
        if known is not None:
            return {**known[0], **own}, known[1]
        head = self._parse(request)
        if head is not None:
            self._remember(block, own, head)
        return head

    def _remember(self, block: bytes, own: Kept, head: PlainHead) -> None:
        kept = {name: value for name, value in head[0].items() if name not in own}
        if len(kept) + len(_OWN) > HEADERS_MAX or any(name in kept for _, name in _OWN):
            return
        if hash(block) not in self._seen:
            if len(self._seen) >= BLOCKS_MAX:
                self._seen.clear()
            self._seen.add(hash(block))
            return
        if len(self._blocks) >= BLOCKS_MAX:
            self._blocks.clear()
        self._blocks[block] = kept, head[1]

    def _parse(self, request: bytes) -> PlainHead | None:
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


def _without_own(request: bytes) -> tuple[bytes | None, Kept]:
    """Return a request's header block without `_OWN`, and those; None where that is not surely so.

    The request line and the values are looked at as closely as the parser would.
    """
    line_end = request.find(b"\r\n")
    block = request[line_end:]
    if len(block) > BLOCK_BYTES_MAX or request[:line_end].translate(None, _VISIBLE) != b"  ":
        return None, {}
    own: Kept = {}
    for start, name in _OWN:
        at = block.find(start)
        if at >= 0:
            end = block.find(b"\r\n", at + len(start))
            value = block[at + len(start) : end]
            if (
                value.translate(None, _VISIBLE).strip(b" ")
                or value.strip(b" ") != value
                or not value
            ):
                return None, {}
            own[name] = value
            block = block[:at] + block[end:]
    return block, own


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
