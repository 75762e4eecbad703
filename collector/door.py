"""The door: takes connections from the listening socket, and answers at once what comes alone.

An email client or a proxy often asks for one pixel and wants the connection closed. Its request is
there when the connection is taken (`TCP_DEFER_ACCEPT` sees to it on Linux), so it is read, answered
after the turn's write, and closed by the socket's own calls. Any other connection becomes one of
the event loop's, with a lane; what it sent was only looked at and is read there.

Must not know what a request means: that is the lane's to say.
"""

import asyncio
import errno
import logging
import socket
from typing import Final

from collector.lane import Lane, LaneShared

log = logging.getLogger(__name__)

# Connections taken in one turn: their hits are one write, and those who are connected wait for it.
CONNECTIONS_PER_TURN_MAX: Final = 32
RECEIVE_BYTES: Final = 16 * 1024
# How long a connection that says nothing is kept from us; rounded up to a retransmission's time.
DEFER_SECONDS: Final = 1
# Out of descriptors or memory: others may be freed meanwhile.
RETRY_SECONDS: Final = 1.0
_OUT_OF_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_END: Final = b"\r\n\r\n"
_CLOSE: Final = b"\r\nConnection: close\r\n"


class Single:
    """A connection with one request, whose answer is all that is ever sent."""

    __slots__ = ("_socket",)

    def __init__(self, connection: socket.SocketType) -> None:
        self._socket = connection

    def write(self, data: bytes, /) -> None:
        """Send bytes; a new connection's buffer has room for an answer."""
        try:
            self._socket.send(data, socket.MSG_DONTWAIT)
        except OSError:
            # The client is gone; its hit is kept.
            return

    def close(self) -> None:
        """Close; the kernel sends what is left."""
        self._socket.close()


class Door:
    """Takes connections while it is open."""

    def __init__(
        self, listener: socket.socket, shared: LaneShared, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._listener = listener
        self._family = listener.family
        self._shared = shared
        self._loop = loop
        self._is_open = False
        # Connections that are becoming the event loop's; a task that nobody holds may vanish.
        self._entering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to take connections."""
        self._listener.setblocking(False)
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
        self._is_open = True
        self._loop.add_reader(self._listener, self._take_connections)

    def close(self) -> None:
        """Take no more."""
        self._is_open = False
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _take_connections(self) -> None:
        accept = self._listener._accept  # type: ignore[attr-defined]  # accept() makes enums first
        for _ in range(CONNECTIONS_PER_TURN_MAX):
            try:
                fd, address = accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._rest(error)
                    return
                continue  # it was gone before it was taken
            self._take(fd, address[0])

    def _take(self, fd: int, peer: str) -> None:
        connection = socket.SocketType(self._family, socket.SOCK_STREAM, 0, fd)
        try:
            if self._is_answered(connection, peer):
                return
        except BlockingIOError:
            pass  # nothing has come yet
        except OSError:
            connection.close()
            return
        task = self._loop.create_task(self._enter(connection.detach()))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    def _is_answered(self, connection: socket.SocketType, peer: str) -> bool:
        """Take the request, if it is whole, plain and the connection's only one."""
        data = connection.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        if _CLOSE not in data or data.find(_END) != len(data) - len(_END):
            return False
        pixel = self._shared.read(data, peer)
        if pixel is None or not pixel.close:
            return False
        # A connection that is closed with bytes unread is reset, and its answer may be lost.
        connection.recv(len(data), socket.MSG_DONTWAIT)
        self._shared.take(pixel, Single(connection), close=True)
        return True

    async def _enter(self, fd: int) -> None:
        """Make a connection the event loop's."""
        connection = socket.socket(self._family, socket.SOCK_STREAM, 0, fd)
        try:
            await self._loop.connect_accepted_socket(lambda: Lane(self._shared), connection)
        except OSError:
            connection.close()

    def _rest(self, error: OSError) -> None:
        log.error("no connection can be taken for %.0f s: %s", RETRY_SECONDS, error.strerror)
        self._loop.remove_reader(self._listener)
        self._loop.call_later(RETRY_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listener, self._take_connections)
