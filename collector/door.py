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
# As numbers: the module's are of enumerations, and to join two of those takes a microsecond.
_STREAM: Final = int(socket.SOCK_STREAM)
_NOW: Final = int(socket.MSG_DONTWAIT)
_PEEK: Final = int(socket.MSG_DONTWAIT | socket.MSG_PEEK)


class Single(socket.SocketType):
    """A connection with one request, whose answer is all that is ever sent.

    The kernel sends what is left when it is closed.
    """

    __slots__ = ()

    def write(self, data: bytes, /) -> None:
        """Send bytes; a new connection's buffer has room for an answer."""
        try:
            self.send(data, _NOW)
        except OSError:
            # The client is gone; its hit is kept.
            return


class Door:
    """Takes connections while it is open."""

    def __init__(
        self, listener: socket.socket, shared: LaneShared, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._listener = listener
        self._family = int(listener.family)
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
        connection = Single(self._family, _STREAM, 0, fd)
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

    def _is_answered(self, connection: Single, peer: str) -> bool:
        """Take the request, if it is whole, plain and the connection's only one."""
        data = connection.recv(RECEIVE_BYTES, _PEEK)
        if not self._shared.take_lone(data, peer, connection):
            return False
        # A connection that is closed with bytes unread is reset, and its answer may be lost.
        connection.recv(len(data), _NOW)
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
