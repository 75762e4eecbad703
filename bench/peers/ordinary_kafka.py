"""The ordinary design with a broker: an aiohttp handler that hands each hit to `producer.send`.

It does `bench.peers.job`, idempotent and compressed, in batches of the producer's own. It answers
when the hit is in the producer's memory, as such services do: what is there when the process ends
is lost, and while Kafka is away that is everything (Heliograph answers when it is in the journal).
The broker is `KAFKA_BOOTSTRAP`'s; its CPU time counts for nobody.
"""

import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web
from aiokafka import AIOKafkaProducer

from bench.peers import job
from bench.peers.aiohttp_bare import serve
from bench.peers.bootstrap import BOOTSTRAP
from bench.peers.ordinary import answer

PRODUCER = web.AppKey("PRODUCER", AIOKafkaProducer)
TOPIC = "ordinary"


async def pixel(request: web.Request) -> web.Response:
    """Hand the hit to the producer, then answer."""
    known = request.cookies.get(job.COOKIE_NAME)
    line, visitor = job.line(request.query, known, request.headers, request.remote)
    await request.app[PRODUCER].send(TOPIC, line[:-1], key=visitor.encode())
    return answer(visitor)


async def _producer(application: web.Application) -> AsyncIterator[None]:
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ[BOOTSTRAP],
        enable_idempotence=True,
        compression_type="zstd",
        linger_ms=20,
        max_batch_size=256 * 1024,
    )
    await producer.start()
    application[PRODUCER] = producer
    yield
    await producer.stop()


def main(port: int) -> None:
    """Run it."""
    application = web.Application()
    application.cleanup_ctx.append(_producer)
    application.router.add_get("/p.gif", pixel)
    serve(application, port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
