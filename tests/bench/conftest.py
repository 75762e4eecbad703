"""A server whose delays are known, for judging the load generator by."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from bench import drive
from bench.apps.gif import GIF
from bench.load import Load, Outcome

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n" + GIF


@dataclass
class Behaviour:
    """What the server does with each request."""

    delay_seconds: float = 0.0
    stall_after: int = 0
    """The number of the request at which the server stands still once, for `stall_seconds`."""
    stall_seconds: float = 0.0
    answer: bytes = ANSWER
    pieces: int = 1
    silent: bool = False
    hang_up: bool = False


@dataclass
class KnownServer:
    """Counts what came in and behaves as told."""

    behaviour: Behaviour
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    stalled_until: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                is_post = request.startswith(b"POST")
                if is_post:
                    length = request.partition(b"\r\nContent-Length: ")[2].partition(b"\r\n")[0]
                    request += await reader.readexactly(int(length))
                self.requests.append(request)
                if self.behaviour.hang_up:
                    break
                if not self.behaviour.silent:
                    await self._answer(writer, NO_CONTENT if is_post else self.behaviour.answer)
                if b"\r\nConnection: close\r\n" in request:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if len(self.requests) == self.behaviour.stall_after:
            self.stalled_until = now + self.behaviour.stall_seconds
        await _pause(max(self.behaviour.delay_seconds, self.stalled_until - now))
        step = -(-len(answer) // self.behaviour.pieces)
        for start in range(0, len(answer), step):
            writer.write(answer[start : start + step])
            await writer.drain()


async def _pause(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over


Driven = Callable[..., Awaitable[tuple[KnownServer, Outcome]]]


@pytest.fixture
async def driven() -> AsyncIterator[Driven]:
    """Drive a server of the given behaviour with the given load."""
    servers: list[asyncio.Server] = []

    async def run(behaviour: Behaviour, **load: object) -> tuple[KnownServer, Outcome]:
        known = KnownServer(behaviour)
        server = await asyncio.start_server(known.serve, "127.0.0.1", 0)
        servers.append(server)
        known.port = server.sockets[0].getsockname()[1]
        cores = [min(os.sched_getaffinity(0))]
        settings = {"port": known.port, "seconds": 0.5, "warmup_seconds": 0.1} | load
        outcome = await asyncio.to_thread(drive.drive, Load(**settings), cores)  # type: ignore[arg-type]
        return known, outcome

    yield run
    for server in servers:
        server.close()
