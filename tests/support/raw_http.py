"""A HTTP client as plain as a socket: sends the bytes it is given, reads answers one by one.

For requests that no library would send. Every wait has a deadline: a connection that hangs fails
the test. Knows nothing of Heliograph.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

SECONDS_MAX = 10.0
_BODYLESS = (204, 304)


class ConnectionEnded(Exception):
    """The server closed before an answer was whole; the message has what was read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names in lower case, in wire order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, empty if there is none."""
        return next((value for found, value in self.headers if found == name), "")

    @property
    def closes(self) -> bool:
        """Tell whether the answer announces the connection's end."""
        return self.header("connection").lower() == "close"


class RawConnection:
    """One connection."""

    def __init__(self, port: int, host: str = "127.0.0.1", seconds_max: float = SECONDS_MAX):
        self.socket = socket.create_connection((host, port), timeout=seconds_max)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, *pieces: bytes) -> None:
        """Send each piece by itself; a server that has closed already is no error here."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return

    def end_sending(self) -> None:
        """Close the sending half; a server that has closed already is no error here."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def answer(self, *, head: bool = False) -> Answer:
        """Read one answer; with `head` it is one to a HEAD request. Skips 100 Continue."""
        while True:
            lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            headers = tuple(_header(line) for line in lines[1:])
            if status == 100:
                continue
            length = next((value for name, value in headers if name == "content-length"), None)
            if head or status in _BODYLESS:
                return Answer(status, headers, b"")
            body = self.rest() if length is None else self._take(int(length))
            return Answer(status, headers, body)

    def answers(self, methods: Iterable[str] = ()) -> list[Answer]:
        """Read answers until the server closes; `methods` are those of the requests, in order."""
        methods = list(methods)
        answers: list[Answer] = []
        while not self.ended():
            method = methods[len(answers)] if len(answers) < len(methods) else "GET"
            answers.append(self.answer(head=method == "HEAD"))
        return answers

    def ended(self) -> bool:
        """Wait for the next byte; tell whether the server has closed instead."""
        return not self._unread and not self._receive()

    def rest(self) -> bytes:
        """Read all there is until the server closes."""
        while self._receive():
            pass
        rest, self._unread = self._unread, b""
        return rest

    def close(self) -> None:
        """Close both halves."""
        self.socket.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            if not self._receive():
                raise ConnectionEnded(repr(self._unread))
        found, _, self._unread = self._unread.partition(mark)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            if not self._receive():
                raise ConnectionEnded(repr(self._unread))
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._unread += data
        return bool(data)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def get(port: int, target: str, headers: str = "", host: str = "127.0.0.1") -> Answer:
    """Send one GET on a connection of its own; `headers` are whole lines with their CRLF."""
    with RawConnection(port, host) as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n".encode())
        return connection.answer()
