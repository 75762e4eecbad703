"""The sink: one batch is one insert into `hits`, its bytes passed on unparsed, under its token.

ClickHouse drops a block whose token it knows without looking inside (docs/delivery.md), so a batch
may be inserted again for as long as the tables' deduplication window reaches.
"""

import logging
import struct
from collections.abc import Mapping

from consumer.framing import unsafe_lines
from consumer.refused_rows import refused_rows
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from schemas.delivery import Batch, Refusal, RowsRefused, SinkAway

log = logging.getLogger(__name__)

# The same settings for the insert and for the check that finds refused rows, so that both agree.
PARSE_SETTINGS: Mapping[str, str] = {
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": "1",
    "input_format_allow_errors_num": "0",
    "input_format_allow_errors_ratio": "0",
    # One thread: the error names the row, blocks are the same each time, and no CPU is wasted.
    "input_format_parallel_parsing": "0",
}

# One batch is one block for each month in it, and the token decides alone.
INSERT_SETTINGS: Mapping[str, str] = {
    "async_insert": "0",
    "insert_deduplicate": "1",
    "deduplicate_blocks_in_dependent_materialized_views": "1",
    "max_insert_threads": "1",
    "max_insert_block_size": "4000000000",
    "min_insert_block_size_rows": "4000000000",
    "min_insert_block_size_bytes": "4000000000",
    # Clocks that are wrong make months that are; a batch of them must go in all the same.
    "max_partitions_per_insert_block": "0",
}

REFUSED_ROWS_MAX = 2_000


class ClickHouseSink:
    """Writes batches to one store. Any number of pumps may share it."""

    remembers = False

    def __init__(self, client: StoreClient) -> None:
        self.rows_miscounted = 0
        self._client = client

    async def written(self, source: str) -> int | None:
        """Return None: the store remembers tokens, not positions. Does not block."""
        return None

    async def write(self, batch: Batch) -> None:
        """Insert the good rows under the batch's token, then its dead letters under another.

        Raises SinkAway, or RowsRefused when nothing of the batch is in. Safe to repeat.
        """
        try:
            if batch.rows > len(batch.left_out):
                await self._insert_hits(batch)
            if batch.refusals:
                await self._insert_dead_letters(batch)
        except StoreError as error:
            raise SinkAway(f"the store refuses {batch.name}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _insert_hits(self, batch: Batch) -> None:
        unsafe = unsafe_lines(batch)
        if unsafe:
            raise RowsRefused(unsafe)
        settings = {**PARSE_SETTINGS, **INSERT_SETTINGS, "insert_deduplication_token": batch.token}
        try:
            rows = await self._client.insert(
                "INSERT INTO hits FORMAT JSONEachRow", batch.good_data(), settings
            )
        except StoreError as error:
            if not error.is_data:
                raise
            reasons = await refused_rows(batch, self._check, refused_max=REFUSED_ROWS_MAX)
            raise RowsRefused(reasons) from error
        wanted = batch.rows - len(batch.left_out)
        # None said: a proxy dropped the header. More: views count theirs too.
        if 0 < rows < wanted:
            self.rows_miscounted += wanted - rows
            log.error("%s has %d lines, the store read %d rows", batch.name, wanted, rows)

    async def _check(self, data: bytes) -> StoreError | None:
        try:
            await self._client.insert(
                "INSERT INTO hits_check FORMAT JSONEachRow", data, PARSE_SETTINGS
            )
        except StoreError as error:
            if error.is_data:
                return error
            raise
        return None

    async def _insert_dead_letters(self, batch: Batch) -> None:
        settings = {**INSERT_SETTINGS, "insert_deduplication_token": f"{batch.token}-dead"}
        data = b"".join(_row_binary(batch.source, refusal) for refusal in batch.refusals)
        await self._client.insert(
            "INSERT INTO dead_letters (source, position, reason, raw) FORMAT RowBinary",
            data,
            settings,
        )


def _row_binary(source: str, refusal: Refusal) -> bytes:
    """Return one dead letter as ClickHouse's RowBinary, which keeps any bytes as they are."""
    return b"".join(
        (
            _text(source.encode()),
            struct.pack("<Q", refusal.position),
            _text(refusal.reason.encode(errors="backslashreplace")),
            _text(refusal.raw),
        )
    )


def _text(value: bytes) -> bytes:
    """Return a length as LEB128 and the bytes."""
    size, head = len(value), bytearray()
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + value
