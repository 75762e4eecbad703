"""The plain way to ship a journal to Kafka: parse each line, `producer.send` it, wait at the end.

Written as a careful engineer would: idempotent, compressed, large batches, hits by visitor. It does
less than Heliograph: after a crash it starts anew, so hits are there twice.

Usage: python -m bench.peers.plain_shipper FOLDER BOOTSTRAP TOPIC
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson
import uvloop
from aiokafka import AIOKafkaProducer

REPORT_HITS = 20_000
BATCH_BYTES_MAX = 512 * 1024


async def main(folder: Path, bootstrap: str, topic: str) -> None:
    """Ship every line, reporting as the shipper does."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=64 * BATCH_BYTES_MAX,
        linger_ms=20,
    )
    await producer.start()
    sent = 0
    for line in lines(folder):
        hit = orjson.loads(line)
        await producer.send(
            topic,
            line.rstrip(b"\n"),
            key=(hit.get("visitor_id") or hit["id"]).encode(),
            timestamp_ms=int(datetime.fromisoformat(hit["received_at"]).timestamp() * 1000),
        )
        sent += 1
        if sent % REPORT_HITS == 0:
            await producer.flush()
            report(sent)
    await producer.stop()
    report(sent)
    await asyncio.Event().wait()


def lines(folder: Path) -> Iterator[bytes]:
    """Yield the journal's lines."""
    for segment in sorted(folder.glob("*.ndjson")):
        with segment.open("rb") as file:
            yield from file


def report(hits: int) -> None:
    """Say how many hits Kafka has, in the words of the shipper's status."""
    line = orjson.dumps({"metrics": {"shipper_hits_total": hits}})
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
