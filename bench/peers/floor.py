"""The floor: a uvloop protocol that answers fixed bytes to whatever arrives.

It parses nothing and keeps nothing, so its cost is that of the event loop and the kernel; no server
in Python on uvloop costs less. One answer for each read, so a client may not pipeline.
"""

import asyncio
import sys
from typing import cast

import uvloop

from bench.apps.gif import GIF

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n"
_KEEP_ALIVE = _HEAD % len(GIF) + b"\r\n" + GIF
_CLOSE = _HEAD % len(GIF) + b"Connection: close\r\n\r\n" + GIF


class Floor(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer; the one thing looked for is whether the client wants the connection closed."""
        if b"Connection: close" in data:
            self.transport.write(_CLOSE)
            self.transport.close()
        else:
            self.transport.write(_KEEP_ALIVE)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
