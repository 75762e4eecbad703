"""Whether every partition has all of its copies in sync, asked of the brokers all the while.

Kafka keeps what it promises while two of three copies are there (docs/kafka.md says what happens
otherwise), so no broker is broken before the last one has caught up.
"""

import asyncio
import threading
import time
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.chaos.schedule import BROKERS

INTERVAL_SECONDS = 0.5
# A broker that was cut off answers with what it knew before, for a moment.
STEADY_SECONDS = 1.5
REQUEST_SECONDS_MAX = 2.0


class Copies:
    """A thread with a client of its own, until the context ends."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._whole_since: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="copies")

    def in_sync(self, since: float) -> bool:
        """Tell whether all copies have been in sync for a while, all of it after `since`."""
        whole = self._whole_since
        return whole is not None and time.time() - max(whole, since) > STEADY_SECONDS

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        while not self._stop.is_set():
            admin = AIOKafkaAdminClient(
                bootstrap_servers=self._bootstrap,
                request_timeout_ms=round(REQUEST_SECONDS_MAX * 1000),
            )
            try:
                async with asyncio.timeout(5 * REQUEST_SECONDS_MAX):
                    await admin.start()
                while not self._stop.is_set():
                    async with asyncio.timeout(REQUEST_SECONDS_MAX):
                        topics = await admin.describe_topics()
                    self._note(all(map(_whole, topics)) and len(topics) > 0)
                    await asyncio.sleep(INTERVAL_SECONDS)
            except (KafkaError, TimeoutError, OSError):
                self._note(False)
                await asyncio.sleep(INTERVAL_SECONDS)
            finally:
                await admin.close()

    def _note(self, whole: bool) -> None:
        if not whole:
            self._whole_since = None
        elif self._whole_since is None:
            self._whole_since = time.time()


def _whole(topic: dict[str, Any]) -> bool:
    return all(len(partition["isr"]) == BROKERS for partition in topic["partitions"])
