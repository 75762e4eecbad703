"""A client of ClickHouse's HTTP interface: statements, and inserts of bytes as they are.

Why not clickhouse-connect: it tries again on its own and asks the server for its settings first;
here when to try again is the pump's business (docs/delivery.md has what both cost).

Knows nothing of hits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Self

import aiohttp
import cramjam
import orjson

from consumer.settings import ClickHouseSettings
from consumer.store_errors import StoreError
from schemas.delivery import SinkAway

SEND_BYTES = 1024 * 1024
CONNECT_SECONDS_MAX = 5
ERROR_BYTES_MAX = 4_096

_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "lz4": lambda data: bytes(cramjam.lz4.compress(data, level=1)),
    "zstd": lambda data: bytes(cramjam.zstd.compress(data, level=1)),
}


class StoreClient:
    """Talks to one store; a context manager. Each call may block up to the request timeout."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._url = settings.url + "/"
        self._database = settings.database
        self._compression = settings.compression
        self._headers = {
            "X-ClickHouse-User": settings.user,
            "X-ClickHouse-Key": settings.password.get_secret_value(),
        }
        self._timeout = aiohttp.ClientTimeout(
            total=settings.request_timeout_seconds, sock_connect=CONNECT_SECONDS_MAX
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; safe to repeat."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def execute(self, statement: str, *, database: str | None = None) -> str:
        """Run a statement and return its result as text (TabSeparated unless it says otherwise).

        Raises StoreError for ClickHouse's own errors, SinkAway if the outcome is not known.
        """
        parameters = {"database": self._database if database is None else database}
        answer, _ = await self._post(parameters, {}, statement.encode())
        return answer.decode(errors="backslashreplace").strip()

    async def fetch(self, statement: str) -> bytes:
        """Run a statement and return its result as it is, for formats that are no text.

        Raises as `execute` does.
        """
        answer, _ = await self._post({"database": self._database}, {}, statement.encode())
        return answer

    async def insert(self, statement: str, data: bytes, settings: Mapping[str, str]) -> int:
        """Run ``INSERT … FORMAT …`` with `data` as its rows; return how many rows were read.

        Raises as `execute` does.
        """
        parameters = {"database": self._database, "query": statement, **settings}
        headers = {}
        if self._compression != "none":
            data = await asyncio.to_thread(_COMPRESS[self._compression], data)
            headers["Content-Encoding"] = self._compression
        _, rows = await self._post(parameters, headers, data)
        return rows

    async def _post(
        self, parameters: Mapping[str, str], headers: Mapping[str, str], data: bytes
    ) -> tuple[bytes, int]:
        assert self._session is not None, "the client is used outside its context"
        try:
            async with self._session.post(
                self._url,
                params={key: value for key, value in parameters.items() if value},
                headers={**headers, "Content-Length": str(len(data))},
                data=_pieces(data),
            ) as response:
                answer = await response.read()
                _raise_for(response, answer.decode(errors="backslashreplace").strip())
                return answer, _rows_of(response.headers.get("X-ClickHouse-Summary", "{}"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise SinkAway(
                f"the store at {self._url} does not answer: {reason} (clickhouse.url)"
            ) from error


def _raise_for(response: aiohttp.ClientResponse, text: str) -> None:
    code = response.headers.get("X-ClickHouse-Exception-Code", "")
    if code.isdecimal():
        raise StoreError(int(code), text[:ERROR_BYTES_MAX])
    if response.status != 200:
        raise SinkAway(
            f"the store at {response.url.origin()} answers {response.status}, not as ClickHouse "
            f"would (clickhouse.url): {text[:200]}"
        )


def _rows_of(summary: str) -> int:
    try:
        return int(orjson.loads(summary).get("written_rows", 0))
    except (orjson.JSONDecodeError, ValueError) as error:
        raise SinkAway(f"the store's X-ClickHouse-Summary is not JSON: {summary[:200]}") from error


async def _pieces(data: bytes) -> AsyncIterator[memoryview]:
    """Yield a body in pieces, so that one large write does not hold up the loop. Copies nothing."""
    view = memoryview(data)
    for start in range(0, len(view), SEND_BYTES):
        yield view[start : start + SEND_BYTES]
