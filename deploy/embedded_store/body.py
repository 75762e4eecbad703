"""The body of a request: decoded as it arrives, measured against its limit, never held whole.

Invariant: what is yielded was decoded in a thread in pieces of about a MiB, so that neither the
event loop waits for a decompressor nor a thread is asked for each packet.
"""

from collections.abc import AsyncIterator, Iterator

from aiohttp import StreamReader, web

from deploy.embedded_store.compression import PIECE_BYTES_MAX, Decoder, decoder_for
from deploy.embedded_store.errors import QUERY_IS_TOO_LARGE, StoreError
from deploy.embedded_store.threads import Threads


class Body:
    """An iterator over the decoded pieces of a request's body, with a way to look ahead."""

    def __init__(self, request: web.Request, threads: Threads, bytes_max: int) -> None:
        self._threads = threads
        self._bytes_max = bytes_max
        self._bytes = 0
        self._pieces = self._decoded(request.content, request.headers.get("Content-Encoding", ""))

    async def head(self, bytes_wanted: int) -> bytes:
        """Return the first pieces, at least `bytes_wanted` unless the body is shorter."""
        pieces: list[bytes] = []
        have = 0
        while have < bytes_wanted:
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            pieces.append(piece)
            have += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def rest(self) -> AsyncIterator[bytes]:
        """Yield the pieces after the head; raises StoreError, or ConnectionError of the client."""
        async for piece in self._pieces:
            yield piece

    async def _decoded(self, content: StreamReader, coding: str) -> AsyncIterator[bytes]:
        decoder = decoder_for(coding)
        plain = coding in ("", "identity")
        async for raw in _gathered(content):
            if plain:
                yield self._count(raw)
                continue
            pieces = decoder.decode(raw)
            while (piece := await self._threads.run(next, pieces, None)) is not None:
                yield self._count(piece)
        for piece in await self._threads.run(_finish, decoder):
            yield self._count(piece)

    def _count(self, piece: bytes) -> bytes:
        self._bytes += len(piece)
        if self._bytes > self._bytes_max:
            raise StoreError(
                QUERY_IS_TOO_LARGE,
                f"The body is longer than store.body_bytes_max, {self._bytes_max} bytes.",
                "size",
            )
        return piece


async def _gathered(content: StreamReader) -> AsyncIterator[bytes]:
    """Yield the body in pieces of about a MiB: what has arrived, joined."""
    pieces: list[bytes] = []
    have = 0
    async for data in content.iter_any():
        pieces.append(data)
        have += len(data)
        if have >= PIECE_BYTES_MAX:
            yield b"".join(pieces)
            pieces, have = [], 0
    if pieces:
        yield b"".join(pieces)


def _finish(decoder: Decoder) -> Iterator[bytes]:
    return iter(list(decoder.finish()))
