"""The plain way from Kafka to ClickHouse: parse each record, convert its members, insert the rows.

Written as a careful engineer would: read_committed, rows in large batches, offsets committed after
the insert. It does less than Heliograph: a crash between the two inserts rows twice, and one bad
record stops it.

Usage: python -m bench.peers.plain_consumer BOOTSTRAP TOPIC STORE_PORT
"""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import clickhouse_connect
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer

BATCH_ROWS = 20_000
POLL_MS = 200

CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "id": UUID,
    "received_at": datetime.fromisoformat,
    "endpoint": str,
    "method": str,
    "site": str,
    "event": str,
    "url": str,
    "referrer": str,
    "value": Decimal,
    "currency": str,
    "visitor_id": UUID,
    "ip": lambda text: f"::ffff:{text}" if "." in text else text,
    "user_agent": str,
    "language": str,
    "consent": str,
    "consent_source": str,
}
DEFAULTS: Mapping[str, Any] = {"value": None, "visitor_id": None, "ip": "::"}


async def main(bootstrap: str, topic: str, store_port: int) -> None:
    """Move every record until killed."""
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=store_port)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"plain-{store_port}",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    while True:
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_ROWS)
        rows = [row(record.value) for records in polled.values() for record in records]
        if rows:
            await client.insert("hits", rows, column_names=list(CONVERTERS))
            await consumer.commit()


def row(value: bytes) -> list[Any]:
    """Return a hit's values in the order of the columns."""
    hit = orjson.loads(value)
    return [
        convert(hit[name]) if name in hit else DEFAULTS.get(name, "")
        for name, convert in CONVERTERS.items()
    ]


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
