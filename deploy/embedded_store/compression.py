"""Bodies compressed and not: one streaming decoder and encoder for each HTTP content coding.

Invariants: a decoder hands out at most `PIECE_BYTES_MAX` at a time, whatever it was given, so a
bomb costs time but no memory; several frames one after the other are one body, as
clickhouse-connect sends them; a body cut short is an error, never a shorter body. Brotli has no
streaming decoder here: its body is held whole.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import cramjam
import lz4.frame
from backports import zstd

from deploy.embedded_store.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, StoreError

PIECE_BYTES_MAX = 1024 * 1024
# The order in which an answer's coding is chosen: cheapest for the CPU first.
CODINGS = ("lz4", "zstd", "gzip", "deflate", "br")

_GZIP_WINDOW = 31
_ZLIB_WINDOW = 15
_LEVEL = 3


class Decoder(Protocol):
    """Turns the bytes of a body into those it stands for."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to; raises StoreError."""

    def finish(self) -> Iterator[bytes]:
        """Yield the rest; raises StoreError if the body was cut short."""


class Encoder(Protocol):
    """Turns bytes into those of a compressed body."""

    def encode(self, data: bytes) -> bytes:
        """Return what can be sent by now."""

    def finish(self) -> bytes:
        """Return the end of the body."""


def decoder_for(coding: str) -> Decoder:
    """Return a decoder for a Content-Encoding; raises StoreError for an unknown one."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return _Identity()
    if coding == "br":
        return _Brotli()
    makers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: _Zlib(_GZIP_WINDOW),
        "deflate": lambda: _Zlib(_ZLIB_WINDOW),
        "lz4": lz4.frame.LZ4FrameDecompressor,
        "zstd": zstd.ZstdDecompressor,
    }
    if coding not in makers:
        raise StoreError(UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding: {coding}.")
    return _Frames(makers[coding])


def choose_coding(accept_encoding: str) -> str:
    """Return the first of `CODINGS` that the header allows, or '' for none."""
    wanted = set()
    for part in accept_encoding.split(","):
        name, _, weight = part.strip().lower().partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0"):
            wanted.add(name.strip())
    return next((coding for coding in CODINGS if coding in wanted), "")


def encoder_for(coding: str) -> Encoder:
    """Return an encoder for one of `CODINGS`, or one that changes nothing for ''."""
    if coding == "gzip":
        return _ZlibEncoder(_GZIP_WINDOW)
    if coding == "deflate":
        return _ZlibEncoder(_ZLIB_WINDOW)
    if coding == "lz4":
        return _Lz4Encoder()
    if coding == "zstd":
        return _ZstdEncoder()
    return _BrotliEncoder() if coding == "br" else _IdentityEncoder()


class _Identity:
    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> Iterator[bytes]:
        return iter(())


class _Zlib:
    """zlib's decompressor with the interface that those of lz4 and zstd share."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Frames:
    """Any number of frames, one decompressor for each."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._frame: Any = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data or (self._frame is not None and not self._frame.needs_input):
            if self._frame is None:
                self._frame = self._make()
            try:
                piece = self._frame.decompress(data, PIECE_BYTES_MAX)
            except (zlib.error, zstd.ZstdError, RuntimeError) as error:
                raise StoreError(CANNOT_DECOMPRESS, f"Cannot decompress body: {error}") from None
            data = b""
            if piece:
                yield piece
            if self._frame.eof:
                data = self._frame.unused_data or b""
                self._frame = None
            elif not piece and self._frame.needs_input:
                return

    def finish(self) -> Iterator[bytes]:
        if self._frame is not None:
            raise StoreError(CANNOT_DECOMPRESS, "Cannot decompress body: it was cut short")
        return iter(())


class _Brotli:
    def __init__(self) -> None:
        self._body = bytearray()

    def decode(self, data: bytes) -> Iterator[bytes]:
        self._body += data
        return iter(())

    def finish(self) -> Iterator[bytes]:
        try:
            yield bytes(cramjam.brotli.decompress(bytes(self._body)))
        except cramjam.DecompressionError as error:
            raise StoreError(CANNOT_DECOMPRESS, f"Cannot decompress body: {error}") from None


class _IdentityEncoder:
    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _ZlibEncoder:
    def __init__(self, window: int) -> None:
        self._inner = zlib.compressobj(_LEVEL, zlib.DEFLATED, window)

    def encode(self, data: bytes) -> bytes:
        return self._inner.compress(data)

    def finish(self) -> bytes:
        return self._inner.flush()


class _Lz4Encoder:
    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        head = b"" if self._begun else bytes(self._inner.begin())
        self._begun = True
        return head + bytes(self._inner.compress(data))

    def finish(self) -> bytes:
        head = b"" if self._begun else bytes(self._inner.begin())
        return head + bytes(self._inner.flush())


class _ZstdEncoder:
    def __init__(self) -> None:
        self._inner = zstd.ZstdCompressor(level=_LEVEL)

    def encode(self, data: bytes) -> bytes:
        return self._inner.compress(data)

    def finish(self) -> bytes:
        return self._inner.flush()


class _BrotliEncoder:
    def __init__(self) -> None:
        self._inner = cramjam.brotli.Compressor(level=_LEVEL)

    def encode(self, data: bytes) -> bytes:
        self._inner.compress(data)
        return bytes(self._inner.flush())

    def finish(self) -> bytes:
        return bytes(self._inner.finish())
