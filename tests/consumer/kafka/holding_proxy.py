"""A proxy in front of a store that holds inserts back, and hands them on when it is told to.

What is held is handed on also if who sent it is gone by then: an insert that comes late.
"""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus, urlsplit

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


class HoldingProxy:
    """A context manager; `url` is where it listens."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        # Set when a request was held, when a held one was answered.
        self.held = asyncio.Event()
        self.answered = asyncio.Event()
        self._target = (parts.hostname, parts.port)
        self._text = b""
        self._failing = False
        self._free = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def hold(self, statement: str) -> None:
        """Hold back requests whose statement begins so, until `release`."""
        self._text = b"query=" + quote_plus(statement).encode()
        self._free.clear()

    def fail(self) -> None:
        """Answer 500 as no ClickHouse does, until `release`."""
        self._failing = True

    def release(self) -> None:
        """Hand on what was held, and from now on everything at once."""
        self._text, self._failing = b"", False
        self._free.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went, or the test is over
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(*self._target)
        was_held = asyncio.Event()
        there = asyncio.create_task(self._forward(reader, back_writer, writer, was_held))
        try:
            while data := await back_reader.read(65536):
                if was_held.is_set():
                    self.answered.set()
                try:
                    writer.write(data)
                    await writer.drain()
                except ConnectionError:
                    continue  # who asked is gone; the store's answer still counts
        finally:
            there.cancel()
            back_writer.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        was_held: asyncio.Event,
    ) -> None:
        while data := await reader.read(65536):
            if self._failing:
                writer.write(ERROR)
                writer.close()
                back.close()
                return
            if self._text and self._text in data:
                was_held.set()
                self.held.set()
                await self._free.wait()
            back.write(data)
            await back.drain()
