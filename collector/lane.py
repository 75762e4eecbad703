"""The hot lane: answers pixel GETs on the raw connection; any other is handed to the application.

Wire → facts → hit → journal, with no await between a request's last byte and its answer. A request
whose bytes behind the target equal the connection's last ones takes the short way: those headers
were parsed and understood before. Only requests of plain form are understood here (RFC 9112, origin
form, HTTP/1.1 or, with `Connection: close`, 1.0, one Host, no body); anything else, malformed too,
is the application's to answer, with all bytes read so far. Nothing is raised out of a callback.

Must not know Kafka, the store, or any other route.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, cast

from collector.build_hit import HitBuilder
from collector.connections import Connections, end
from collector.facts import Facts, FactsReader
from collector.group_commit import Answerable, GroupCommit
from collector.metrics import Counters
from collector.parameters import is_query
from collector.plain_head import PlainHeadReader
from collector.regulars import Regulars
from collector.repeats import Repeats
from collector.responses import TIMED_OUT, TOO_MANY_CONNECTIONS, PixelAnswers
from collector.settings import CollectorSettings

# The high-water mark that transports start with.
ASYNCIO_WRITE_BUFFER_BYTES: Final = 64 * 1024

_VERSION: Final = b" HTTP/1.1\r\n"
# As nginx asks whom it is a proxy for, unless it is told otherwise; together with `_CLOSE`.
_OLD_VERSION: Final = b" HTTP/1.0\r\n"
_END: Final = b"\r\n\r\n"
_CLOSE: Final = b"\r\nConnection: close\r\n"


class PixelRequest(NamedTuple):
    """What one whole plain request for the pixel says."""

    facts: Facts
    query: str
    is_get: bool
    # All from the version on that ends the request line: it may be repeated.
    block: bytes
    # The client wants the connection to end with the answer.
    close: bool


class LaneShared:
    """What all connections of a worker share."""

    def __init__(
        self,
        settings: CollectorSettings,
        *,
        facts: FactsReader,
        builder: HitBuilder,
        answers: PixelAnswers,
        commit: GroupCommit,
        counters: Counters,
        connections: Connections,
        new_app_connection: Callable[[], asyncio.Protocol],
    ) -> None:
        self.heads = PlainHeadReader()
        self.facts = facts
        self.builder = builder
        self.answers = answers
        self.commit = commit
        self.regulars = Regulars()
        self.repeats = Repeats(builder, answers, commit)
        self.counters = counters
        self.connections = connections
        self.new_app_connection = new_app_connection
        self.get = b"GET " + settings.pixel_path.encode()
        self.head = b"HEAD " + settings.pixel_path.encode()
        self.get_query = self.get + b"?"
        self.line_bytes_max = settings.request_line_bytes_max
        self.target_bytes_max = settings.request_line_bytes_max - len(self.get_query + _VERSION)
        self.head_bytes_max = settings.header_bytes_max
        self.pipelined_requests_max = settings.pipelined_requests_max
        self.write_buffer_bytes_max = settings.write_buffer_bytes_max

    def read(self, request: bytes, peer: str) -> PixelRequest | None:
        """Read one whole request that came from address `peer`; None if it is no plain one."""
        is_get = request.startswith(self.get)
        if not is_get and not request.startswith(self.head):
            return None
        line_end = request.find(b"\r\n")
        version_at = line_end + 2 - len(_VERSION)
        target = request[len(self.get if is_get else self.head) : version_at]
        if (
            not (
                request.startswith(_VERSION, version_at)
                or (request.startswith(_OLD_VERSION, version_at) and _CLOSE in request)
            )
            or (target and not target.startswith(b"?"))
            or b"#" in target
            or not target.isascii()
            or line_end > self.line_bytes_max
            or len(request) - line_end > self.head_bytes_max
        ):
            return None
        block = request[version_at:]
        known = self.regulars.find((peer, block)) if is_query(target) else None
        if known is None:
            head = self.heads.read(request)
            if head is None:
                return None
            kept, close = head
            facts = self.facts.read(kept, peer)
            self.regulars.note(peer, block, facts, close)
        else:
            facts, close = known
        return PixelRequest(facts, target[1:].decode(), is_get, block, close)

    def take_lone(self, request: bytes, peer: str, connection: Answerable) -> bool:
        """Take a connection's only request; False if it is not surely whole, plain and that.

        The answer is the last one.
        """
        line_end = request.find(b"\r\n")
        version_at = line_end + 2 - len(_VERSION)
        known = self.regulars.find((peer, request[version_at:]))
        query = request[len(self.get_query) : version_at]
        is_plain = request.startswith(self.get_query) and is_query(query)
        if known is not None and known[1] and is_plain and line_end <= self.line_bytes_max:
            facts = known[0]
        elif _CLOSE not in request or request.find(_END) != len(request) - len(_END):
            return False
        else:
            pixel = self.read(request, peer)
            if pixel is None or not pixel.close:
                return False
            if not is_plain:
                self.take(pixel, connection, close=True)
                return True
            facts = pixel.facts
        if not self.repeats.noted:
            self.commit.schedule()
        self.repeats.noted.append((None, connection, facts, query, request))
        return True

    def take(self, pixel: PixelRequest, connection: Answerable, close: bool) -> None:
        """Have a request's hit written, and answered when it is."""
        line, set_cookie = self.builder.from_query(
            pixel.facts, pixel.query, "GET" if pixel.is_get else "HEAD"
        )
        answer = self.answers.answer(set_cookie=set_cookie, close=close, body=pixel.is_get)
        self.commit.add(line, connection, answer, close)


class Lane(asyncio.Protocol):
    """One connection, until it asks for something other than the pixel."""

    __slots__ = (
        "_buffer",
        "_closing",
        "_facts",
        "_known",
        "_paused",
        "_peer",
        "_shared",
        "_transport",
        "active_at",
        "begun_at",
    )

    def __init__(self, shared: LaneShared) -> None:
        # Shared by all connections.
        self._shared = shared
        # This connection.
        self._transport: asyncio.Transport
        self._peer = ""
        self._paused = False
        # The last answer is under way; whatever else arrives is ignored.
        self._closing = False
        self.active_at = 0.0
        # The last request: all its bytes behind the target, and what they said.
        self._known: bytes | None = None
        self._facts: Facts
        # A request that has not arrived whole, and since when.
        self._buffer = b""
        self.begun_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; refuse a connection over the limit with 503."""
        shared = self._shared
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        if shared.write_buffer_bytes_max != ASYNCIO_WRITE_BUFFER_BYTES:
            self._transport.set_write_buffer_limits(high=shared.write_buffer_bytes_max)
        self.active_at = shared.connections.now
        if not shared.connections.add(self):
            self._closing = True
            self._transport.write(TOO_MANY_CONNECTIONS)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Answer the requests in `data`, or hand the connection over."""
        shared = self._shared
        known = self._known
        self.active_at = shared.connections.now
        repeats = shared.repeats
        if (
            known is not None
            and data.endswith(known)
            and data.startswith(shared.get_query)
            and len(data) < shared.target_bytes_max + len(known)
            and not (self._buffer or shared.connections.draining)
        ):
            if not repeats.noted:
                shared.commit.schedule()
            query = data[len(shared.get_query) : -len(known)]
            repeats.noted.append((self, self._transport, self._facts, query, data))
            return
        if not self._closing:
            # What was noted of this connection comes first.
            repeats.build()
            self._read(data)

    def read_plainly(self, data: bytes) -> None:
        """Take a request that has known headers, and a target that is not surely plain."""
        if not self._closing:
            self._read(data)

    def eof_received(self) -> bool:
        """Close when what was asked before is answered: the answers leave at the turn's end."""
        self._closing = True
        asyncio.get_running_loop().call_soon(self._transport.close)
        return True

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read its answers."""
        self._paused = True
        # What it began can't go on arriving, so it is not timed; `active_at` bounds the pause.
        self.begun_at = 0.0
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        self._paused = False
        self.active_at = self._shared.connections.now
        self._transport.resume_reading()
        if self._buffer:
            self._read(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; hits taken from it are kept."""
        self._shared.connections.discard(self)

    def close_idle(self) -> None:
        """Close a connection on which no request is under way."""
        end(self._transport)

    def time_out(self) -> None:
        """Close a connection whose request did not arrive whole in time."""
        end(self._transport, TIMED_OUT)

    def _read(self, data: bytes) -> None:
        """Take the whole requests of the buffer, a turn's share at most, and keep the rest."""
        shared = self._shared
        buffer = self._buffer + data if self._buffer else data
        self._buffer = b""
        for _ in range(shared.pipelined_requests_max):
            size = -1 if self._paused or self._closing else buffer.find(_END)
            if size < 0:
                break
            size += len(_END)
            if not self._take(buffer if size == len(buffer) else buffer[:size]):
                self._hand_over(buffer)
                return
            buffer = buffer[size:]
            self.begun_at = 0.0
        if buffer and not self._closing:
            self._keep_rest(buffer)

    def _keep_rest(self, buffer: bytes) -> None:
        shared = self._shared
        if not self._paused:
            if _END in buffer:
                # More than one turn's share: let the others have theirs.
                self._transport.pause_reading()
                asyncio.get_running_loop().call_soon(self._read_on)
            elif not self._may_be_pixel(buffer) or len(buffer) > shared.head_bytes_max:
                self._hand_over(buffer)
                return
            # From its first byte on: a client that sends one now and then gains no time.
            self.begun_at = self.begun_at or shared.connections.now
        self._buffer = buffer

    def _read_on(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read(b"")

    def _may_be_pixel(self, buffer: bytes) -> bool:
        shared = self._shared
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            # A head of bare LFs would have no end here.
            return False
        return any(
            buffer.startswith(start[: len(buffer)]) if len(buffer) < len(start)
            else buffer.startswith(start)
            for start in (shared.get, shared.head)
        )  # fmt: skip

    def _take(self, request: bytes) -> bool:
        """Answer one whole request; False if it is not a plain pixel request."""
        shared = self._shared
        pixel = shared.read(request, self._peer)
        if pixel is None:
            return False
        self._closing = close = pixel.close or shared.connections.draining
        if pixel.is_get and not close:
            self._known, self._facts = pixel.block, pixel.facts
        else:
            self._known = None
        shared.take(pixel, self._transport, close)
        return True

    def _hand_over(self, data: bytes) -> None:
        """Give the connection to the application, with the bytes it has not answered."""
        shared = self._shared
        shared.counters.handed_over += 1
        self._buffer = b""
        shared.connections.discard(self)
        connection = shared.new_app_connection()
        self._transport.set_protocol(connection)
        connection.connection_made(self._transport)
        connection.data_received(data)
