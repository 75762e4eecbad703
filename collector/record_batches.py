"""Lines into Kafka record batches: one record per line, in the partition of its key.

What is not a hit (damage on the disk) is sent as well, without a key, in the first partition, and
counted: nothing in a journal is skipped. Must not know of connections, transactions or journals.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from schemas.kafka_record import key_of, timestamp_ms_of
from schemas.limits import LINE_BYTES_MAX
from schemas.murmur2 import partitions_of


class BatchBuilder(Protocol):
    """aiokafka's builder of one record batch."""

    def append(self, *, timestamp: int, key: bytes | None, value: bytes) -> object | None:
        """Add a record; None if there is no room left for it."""

    def close(self) -> None:
        """Take no more records."""

    def size(self) -> int:
        """Return its bytes: compressed, once it was sent."""


class RecordBatches:
    """Builds the record batches of one range of a journal.

    `sendable` holds (partition, batch) in the order they must be sent, once `finish` was called.
    """

    def __init__(
        self,
        partitions: int,
        *,
        create_batch: Callable[[], BatchBuilder],
        clock_ms: Callable[[], int],
    ) -> None:
        self.sendable: list[tuple[int, BatchBuilder]] = []
        self.damaged = 0
        self._partitions = partitions
        self._create_batch = create_batch
        self._clock_ms = clock_ms
        self._open: dict[int, BatchBuilder] = {}

    def add(self, lines: Sequence[bytes]) -> None:
        """Add lines, without their newlines. Some hundreds at a time are cheapest."""
        if len(max(lines, key=len, default=b"")) > LINE_BYTES_MAX:
            lines = [piece for line in lines for piece in _pieces(line)]
        keys = [key_of(line) for line in lines]
        if None in keys:
            self.damaged += keys.count(None)
            partitions = [
                0 if key is None else partitions_of([key], self._partitions)[0] for key in keys
            ]
        else:
            partitions = partitions_of(keys, self._partitions)  # type: ignore[arg-type]
        for line, key, partition in zip(lines, keys, partitions, strict=True):
            timestamp = timestamp_ms_of(line)
            if timestamp is None:
                timestamp = self._clock_ms()
            batch = self._open.get(partition)
            if batch is None or batch.append(timestamp=timestamp, key=key, value=line) is None:
                batch = self._start(partition)
                # An empty batch takes a record of any size.
                batch.append(timestamp=timestamp, key=key, value=line)

    def finish(self) -> None:
        """Close what is open."""
        for partition in list(self._open):
            self._close(partition)

    def _start(self, partition: int) -> BatchBuilder:
        self._close(partition)
        batch = self._open[partition] = self._create_batch()
        return batch

    def _close(self, partition: int) -> None:
        batch = self._open.pop(partition, None)
        if batch is not None:
            batch.close()
            self.sendable.append((partition, batch))


def _pieces(line: bytes) -> Iterator[bytes]:
    """Cut what is too long for a line, so only damage, into pieces that Kafka takes."""
    for start in range(0, len(line), LINE_BYTES_MAX):
        yield line[start : start + LINE_BYTES_MAX]
