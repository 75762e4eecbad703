"""A connection that the application serves: aiohttp's handler, with time-outs and exact statuses.

aiohttp bounds neither how long a request's head may take nor tells a too long line (414, RFC 9112
section 3) and too large headers (431, RFC 6585) from other errors; both are added here, in its
documented points of extension.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Final, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import _ErrInfo

from collector.connections import BUSY, Connections, end
from collector.metrics import Counters
from collector.responses import HEAD_TOO_LARGE, LINE_TOO_LONG, TIMED_OUT
from collector.settings import CollectorSettings
from schemas.limits import HEADERS_MAX

# An access line per request would cost more than the request; the journal has them all.
_SILENT: Final = logging.getLogger("collector.access")
_SILENT.disabled = True
# Longer than any `idle_seconds_max`.
KEEPALIVE_SECONDS: Final = 4000
_END: Final = b"\r\n\r\n"


class AppConnection(web.RequestHandler):
    """One handed-over connection; it stays with the application until it closes."""

    __slots__ = (
        "_client_ended",
        "_connections",
        "_counters",
        "_current",
        "_head_bytes",
        "_head_bytes_max",
        "_head_is_whole",
        "_head_tail",
        "_is_over",
        "_line_is_whole",
        "_wire",
        "active_at",
        "begun_at",
    )

    def __init__(
        self,
        server: web.Server,
        settings: CollectorSettings,
        connections: Connections,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=_SILENT,
            # aiohttp's own clock of idle connections knows no begun heads: `Connections` has one.
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_line_size=settings.request_line_bytes_max,
            max_field_size=settings.header_bytes_max,
            max_headers=HEADERS_MAX,
            lingering_time=0,
            # Only the API takes other encodings than none, and says itself what is wrong with one.
            auto_decompress=False,
        )
        self._connections = connections
        self._counters = counters
        self._wire: asyncio.Transport
        self.active_at = connections.now
        self.begun_at = 0.0
        # The request being answered; whether nothing behind it is read any more, or comes.
        self._current: web.BaseRequest | None = None
        self._client_ended = False
        self._is_over = False
        # The head of the request under way: its bytes so far, the last few of them, whether the
        # ends of its line and of all of it were seen.
        self._head_bytes = 0
        self._head_bytes_max = settings.request_line_bytes_max + settings.header_bytes_max
        self._head_tail = b""
        self._line_is_whole = False
        self._head_is_whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the connection was counted when it was accepted."""
        self._wire = cast("asyncio.Transport", transport)
        self._connections.replace(self)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Note when a request begins, so that it can be timed out."""
        if self._is_over:
            return
        if data:  # aiohttp calls this without any to go on with what it has
            self.active_at = self._connections.now
            if not self.begun_at:
                self.begun_at = self._connections.now
                self._head_bytes = 0
                self._head_tail = b""
                self._head_is_whole = False
                self._line_is_whole = False
            if self.begun_at != BUSY and not self._head_is_whole and self._is_too_large(data):
                self._counters.refuse(431 if self._line_is_whole else 414)
                self.close()
                end(self._wire, HEAD_TOO_LARGE if self._line_is_whole else LINE_TOO_LONG)
                return
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._is_over = True
            self._break_body("malformed body")

    def _is_too_large(self, data: bytes) -> bool:
        """Note more of the head; tell whether it goes on though it was too large before.

        What is too large in itself (the line, a field) aiohttp tells of the piece that holds it.
        """
        was_too_large = self._head_bytes > self._head_bytes_max
        self._line_is_whole = self._line_is_whole or b"\r\n" in self._head_tail + data
        self._head_is_whole = _END in self._head_tail + data
        self._head_tail = data[1 - len(_END) :]
        self._head_bytes += len(data)
        return was_too_large

    def eof_received(self) -> bool:  # type: ignore[override]
        """Stay open for a client that ended its half and waits for answers."""
        self._client_ended = True
        self._break_body("the body ended early")
        has_asked = bool(self.begun_at) and self._head_is_whole
        return has_asked or self.begun_at == BUSY or bool(self._messages)

    def _break_body(self, problem: str) -> None:
        """Tell the handler that its body won't get whole; aiohttp would let it wait."""
        if self._current is not None and not self._current.content.is_eof():
            self._current.content.set_exception(web.RequestPayloadError(problem))

    @property
    def is_last(self) -> bool:
        """Tell whether the connection ends with the answer to the request under way."""
        return self._connections.draining or (self._client_ended and not self._messages)

    def resume_writing(self) -> None:
        """Note that the client takes its answers."""
        self.active_at = self._connections.now
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._connections.discard(self)
        super().connection_lost(exc)

    def request_begun(self, request: web.BaseRequest) -> None:
        """Note that a request's head has arrived: from now on its handler bounds the time."""
        self._current = request
        self.begun_at = BUSY
        if self._is_over or self._client_ended:
            # It broke between the head's arrival and now.
            self._break_body("malformed or unfinished body")

    def ignore_rest(self) -> None:
        """Read nothing more: the answer under way is the last."""
        self._is_over = True

    def request_ended(self) -> None:
        """Note that the request is answered."""
        self._current = None
        self.begun_at = 0.0
        self.active_at = self._connections.now

    def close_idle(self) -> None:
        """Close a connection on which no request is under way."""
        self.close()
        end(self._wire)

    def time_out(self) -> None:
        """Close a connection whose request did not arrive whole in time."""
        self.close()
        end(self._wire, TIMED_OUT)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp could not parse, or a handler that failed."""
        if isinstance(exc, LineTooLong):
            # The limits differ (settings see to it), so the limit tells which was passed.
            status = 414 if exc.args[1] == self.max_line_size else 431
        self._counters.refuse(status)
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        response = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")
        response.force_close()
        return response
