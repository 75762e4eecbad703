"""A transport and a loop written by hand: what a protocol does is kept, nothing is really sent."""

import asyncio
from collections.abc import Callable
from typing import Any


class FakeTransport(asyncio.Transport):
    """Keeps what is written; `unsent` is what a slow client has not taken."""

    def __init__(self, peer: str = "203.0.113.77") -> None:
        super().__init__({"peername": (peer, 4711)})
        self.written = b""
        self.unsent = 0
        self.reading = True
        self.closing = False
        self.aborted = False
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        assert not self.closing, "written after the end"
        self.written += data

    def close(self) -> None:
        """Note the end."""
        self.closing = True

    def abort(self) -> None:
        """Note the end without waiting."""
        self.closing = self.aborted = True

    def is_closing(self) -> bool:
        """Tell whether the end was ordered."""
        return self.closing

    def pause_reading(self) -> None:
        """Note that nothing more is to be read."""
        self.reading = False

    def resume_reading(self) -> None:
        """Note that reading goes on."""
        self.reading = True

    def get_write_buffer_size(self) -> int:
        """Return what a slow client has not taken."""
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Ignore the limits: tests pause by themselves."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Note who has the connection now."""
        self.protocol = protocol


class FakeLoop:
    """Runs what was to be called soon when a test says so."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Keep the callback for `turn`."""
        self.soon.append((callback, arguments))

    def turn(self) -> None:
        """Run one turn's callbacks."""
        soon, self.soon = self.soon, []
        for callback, arguments in soon:
            callback(*arguments)


class HandedOver(asyncio.Protocol):
    """Stands for the application: keeps what it is given."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Keep the bytes."""
        self.received += data
