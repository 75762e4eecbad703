"""The answer to a query: ClickHouse's headers, the body as it comes, and errors at any moment.

An answer is held back until `HELD_BYTES` are there or the query has ended, so that most answers
have their statistics in a header and an error its status. An error after that is written into the
body between the marks that ClickHouse ≥ 25.11 uses and announces in X-ClickHouse-Exception-Tag,
and the connection is cut, so that no client takes a part for the whole.
Knows nothing of the engine but its statistics.
"""

import secrets
import string

import orjson
from aiohttp import web

from deploy.embedded_store.access import EXPOSED_HEADERS
from deploy.embedded_store.compression import choose_coding, encoder_for
from deploy.embedded_store.engine import Facts, Statistics
from deploy.embedded_store.errors import StoreError
from deploy.embedded_store.threads import Threads

HELD_BYTES = 256 * 1024
_TAG_LENGTH = 16
_TEXT = "text/plain; charset=UTF-8"


class Answer:
    """One answer under way."""

    def __init__(self, request: web.Request, facts: Facts, threads: Threads) -> None:
        # shared
        self._facts = facts
        self._threads = threads
        # this request
        self._request = request
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_TAG_LENGTH))
        self._headers = {
            "X-ClickHouse-Server-Display-Name": facts.display_name,
            "X-ClickHouse-Timezone": facts.timezone,
            "X-ClickHouse-Exception-Tag": self._tag,
        }
        if "Origin" in request.headers:
            self._headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        self._encoder = encoder_for("")
        # once begun
        self._response: web.StreamResponse | None = None
        self._broken_off = False

    @property
    def begun(self) -> bool:
        """Say whether headers have left, so that a status can't be changed."""
        return self._response is not None

    def understood(self, query_id: str, cors: bool, compress: bool) -> None:
        """Add what the request asked of the answer."""
        self._headers["X-ClickHouse-Query-Id"] = query_id
        if cors and "Origin" in self._request.headers:
            self._headers["Access-Control-Allow-Origin"] = "*"
        coding = choose_coding(self._request.headers.get("Accept-Encoding", "")) if compress else ""
        if coding:
            self._headers["Content-Encoding"] = coding
            self._encoder = encoder_for(coding)

    async def begin(self, format_name: str, statistics: Statistics | None) -> None:
        """Send the headers; with statistics only if the query has ended. No format is ''."""
        headers = dict(self._headers)
        headers["Content-Type"] = self._facts.content_types.get(format_name.lower(), _TEXT)
        if format_name:
            headers["X-ClickHouse-Format"] = format_name
        if statistics is not None:
            headers["X-ClickHouse-Summary"] = _summary(statistics)
        self._response = web.StreamResponse(headers=headers)
        await self._response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits for a slow client; raises ConnectionError."""
        assert self._response is not None
        if self._request.method == "HEAD":
            return
        if "Content-Encoding" in self._headers:
            data = await self._threads.run(self._encoder.encode, data)
        if data:
            await self._response.write(data)

    async def end(self) -> web.StreamResponse:
        """Send the rest and return what aiohttp wants of a handler."""
        assert self._response is not None
        if not self._broken_off:
            await self._write_end()
            await self._response.write_eof()
        return self._response

    async def whole(self, body: bytes, format_name: str, statistics: Statistics) -> None:
        """Send an answer that is complete."""
        await self.begin(format_name, statistics)
        await self.write(body)

    def refuse(self, error: StoreError) -> web.Response:
        """Return the answer to a request that failed before anything was sent."""
        headers = {
            name: value for name, value in self._headers.items() if name != "Content-Encoding"
        }
        headers["X-ClickHouse-Exception-Code"] = str(error.code)
        headers["Content-Type"] = _TEXT
        return web.Response(
            status=error.status, body=error.body(self._facts.version), headers=headers
        )

    async def break_off(self, error: StoreError) -> None:
        """Write an error into a body that has begun, and cut the connection."""
        assert self._response is not None
        message = error.body(self._facts.version)
        tag = self._tag.encode()
        await self.write(
            b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n"
            % (tag, message, len(message), tag)
        )
        await self._write_end()
        if self._request.transport is not None:
            self._request.transport.close()
        self._broken_off = True

    async def _write_end(self) -> None:
        assert self._response is not None
        last = self._encoder.finish()
        if last and self._request.method != "HEAD":
            await self._response.write(last)


def _summary(statistics: Statistics) -> str:
    fields = {
        "read_rows": statistics.read_rows,
        "read_bytes": statistics.read_bytes,
        "written_rows": statistics.written_rows,
        "written_bytes": statistics.written_bytes,
        "total_rows_to_read": statistics.read_rows,
        "result_rows": statistics.result_rows,
        "result_bytes": 0,
        "elapsed_ns": int(statistics.elapsed_seconds * 1e9),
    }
    return orjson.dumps({name: str(value) for name, value in fields.items()}).decode()
