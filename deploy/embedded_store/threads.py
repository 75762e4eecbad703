"""The threads in which the engine is called, so that the event loop never waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Args = TypeVarTuple("Args")

# Beside one thread for each running query: for kills, decoders and closing.
_SPARE = 4


class Threads:
    """A pool with room for every query that may run, so that none waits for another's thread."""

    def __init__(self, queries_running_max: int) -> None:
        self._pool = ThreadPoolExecutor(queries_running_max + _SPARE, thread_name_prefix="engine")

    def run(self, call: Callable[[*Args], T], *args: *Args) -> asyncio.Future[T]:
        """Begin `call` in a thread; the future is of the running event loop."""
        return asyncio.get_running_loop().run_in_executor(self._pool, call, *args)

    def close(self) -> None:
        """Wait for every call to end."""
        self._pool.shutdown(wait=True)
