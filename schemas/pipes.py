"""Reading a pipe in an event loop, without closing its file descriptor twice.

uvloop closes the descriptor of a pipe, and then the file object it was given, which closes the same
number again. In a process with threads that number may be another file by then: the embedded engine
lost a pipe of its own that way. So the file object here has nothing to close.
"""

import asyncio

READ_BYTES = 64 * 1024


class _Borrowed:
    """What asyncio asks of a file object, for a descriptor that the loop owns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        """Leave the descriptor to the loop, which has closed it."""


async def read_pipe(
    descriptor: int, limit: int = READ_BYTES
) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Return a reader of a pipe, and its transport; closing that closes the descriptor.

    The running loop must be uvloop's; asyncio's own would leave the descriptor open.
    """
    reader = asyncio.StreamReader(limit=limit)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), _Borrowed(descriptor)
    )
    return reader, transport
