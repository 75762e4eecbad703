"""The ordinary design with a broker: an aiohttp handler that hands each hit to `producer.send`.

It does `bench.apps.job`, idempotent and compressed, in batches of the producer's own. It answers
when the hit is in the producer's memory, as such services do: what is there when the process ends
is lost, and while Kafka is away that is everything (Heliograph answers when it is in the journal).
The broker is `KAFKA_BOOTSTRAP`'s; its CPU time counts for nobody.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from bench.apps import job
from bench.peers.aiohttp_bare import serve
from bench.peers.bootstrap import BOOTSTRAP
from bench.peers.ordinary import answer

PRODUCER = web.AppKey("PRODUCER", AIOKafkaProducer)
TOPIC = "ordinary"
PARTITIONS = 12


async def pixel(request: web.Request) -> web.Response:
    """Hand the hit to the producer, then answer."""
    known = request.cookies.get(job.COOKIE_NAME)
    line, visitor = job.line(request.query, known, request.headers, request.remote)
    await request.app[PRODUCER].send(TOPIC, line[:-1], key=visitor.encode())
    return answer(visitor)


async def _producer(application: web.Application) -> AsyncIterator[None]:
    bootstrap = os.environ[BOOTSTRAP]
    await _make_topic(bootstrap)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        compression_type="zstd",
        linger_ms=20,
        max_batch_size=256 * 1024,
    )
    await producer.start()
    application[PRODUCER] = producer
    yield
    await producer.stop()


async def _make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        with suppress(TopicAlreadyExistsError):
            await admin.create_topics([NewTopic(TOPIC, PARTITIONS, replication_factor=1)])
    finally:
        await admin.close()


def main(port: int) -> None:
    """Run it."""
    application = web.Application()
    application.cleanup_ctx.append(_producer)
    application.router.add_get("/p.gif", pixel)
    serve(application, port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
