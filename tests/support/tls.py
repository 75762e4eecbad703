"""A TLS front for a plain server, as a proxy in front of a collector is one.

    with TlsFront(plain_port, folder) as front:
        browser_goes_to(f"https://localhost:{front.port}/")

Bytes go through unread; the certificate is self-signed, for localhost and 127.0.0.1. Knows nothing
of HTTP.
"""

import asyncio
import ssl
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import wait_until

CHUNK_BYTES = 65536


class TlsFront:
    """Takes TLS on a free port of this machine, and speaks plainly to `plain_port`."""

    def __init__(self, plain_port: int, folder: Path) -> None:
        self.port = 0
        self._plain_port = plain_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certificate(folder))
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._joined: set[asyncio.Task[None] | None] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name=f"tls-{plain_port}")

    def url(self, host: str) -> str:
        """The front's origin under a name of this machine."""
        return f"https://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.port, what="a TLS front")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        await self._stop.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*filter(None, self._joined))

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._joined.add(task)
        try:
            inner = await asyncio.open_connection("127.0.0.1", self._plain_port)
        except OSError:
            writer.close()
            return
        writers = {writer, inner[1]}
        self._writers |= writers
        await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))
        self._writers -= writers
        self._joined.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until either end is gone."""
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


def _certificate(folder: Path) -> Path:
    """Return a file with a new key and its certificate."""
    both = folder / "tls.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    subprocess.run([*command, "-keyout", both, "-out", both], check=True, capture_output=True)
    return both
