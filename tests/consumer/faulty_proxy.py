"""A TCP proxy in front of a store, which answers as a test says."""

import asyncio
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Mode(Enum):
    """What the proxy does with a connection's next bytes."""

    PASS = "hands on both ways"
    ERROR = "answers 500 as no ClickHouse does"
    HANG = "takes the request and never answers"
    CUT = "hands the request on, and closes when the answer comes"


ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


class FaultyProxy:
    """A context manager; `url` is where it listens."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.mode = Mode.PASS
        self.connections = 0
        self._target = (parts.hostname, parts.port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

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
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went, or the test is over
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode is Mode.HANG:
            while await reader.read(65536):
                pass
            return
        if self.mode is Mode.ERROR:
            await reader.read(65536)
            writer.write(ERROR)
            await writer.drain()
            return
        back_reader, back_writer = await asyncio.open_connection(*self._target)
        there = asyncio.create_task(_copy(reader, back_writer))
        try:
            while data := await back_reader.read(65536):
                if self.mode is not Mode.PASS:
                    return
                writer.write(data)
                await writer.drain()
        finally:
            there.cancel()
            back_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
