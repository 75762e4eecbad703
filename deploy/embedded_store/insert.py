"""Inserts with data: the body's bytes go to the engine as they are, and it parses them.

Invariant: an insert is answered with 200 only after the engine has committed it, and a body that
ends early commits nothing but whole blocks of over a million rows, as in ClickHouse.
"""

import asyncio

from deploy.embedded_store.answer import Answer
from deploy.embedded_store.ask import Ask
from deploy.embedded_store.body import Body
from deploy.embedded_store.engine import Statistics
from deploy.embedded_store.errors import READONLY, StoreError
from deploy.embedded_store.statement import Insert
from deploy.embedded_store.store import Running, Store


async def answer_insert(
    store: Store,
    ask: Ask,
    running: Running,
    insert: Insert,
    data: bytes,
    body: Body,
    answer: Answer,
) -> None:
    """Insert `data` and the rest of `body`; raises StoreError, or ConnectionError of the client."""
    if ask.user == "reader":
        raise StoreError(READONLY, "reader: Cannot execute query in readonly mode.", "reader")
    store.counters.queries["insert"] += 1
    connection, run = running.connection, store.threads.run
    params = {f"param_{name}": value for name, value in ask.params.items()}
    await run(connection.set, params)
    stream = await run(connection.begin_insert, insert.text, insert.format)
    running.kill = False
    try:
        await run(stream.append, data)
        async for piece in body.rest():
            if stream.failed:
                break
            await run(stream.append, piece)
    except BaseException:
        running.future = run(stream.cancel)
        raise
    running.future = run(stream.finish)
    statistics: Statistics = await asyncio.shield(running.future)
    store.counters.inserted_rows += statistics.written_rows
    store.counters.inserted_bytes += statistics.written_bytes
    await answer.whole(b"", "", statistics)
