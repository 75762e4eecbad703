"""Inserts with data: the body's bytes go to the engine as they are, and it parses them.

The body is first received whole, into a file in memory, which the engine then reads. chDB has a
call that takes an insert in pieces (`send_insert`), but it says that rows were written when the
commit failed: on a full disk, or when a materialized view refuses a row (seen with 26.9).

Invariant: an insert is answered with 200 only after the engine has committed it, and a body that
ends early commits nothing.
"""

import asyncio
import os
import tempfile

from deploy.embedded_store.answer import Answer
from deploy.embedded_store.ask import Ask
from deploy.embedded_store.body import Body
from deploy.embedded_store.engine import Connection, Statistics
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
    file = _memory_file()
    try:
        await store.threads.run(_write, file, data)
        async for piece in body.rest():
            await store.threads.run(_write, file, piece)
    except BaseException:
        os.close(file)
        raise
    # From here on the insert is made, whether or not the client waits for its answer.
    running.kill = False
    running.future = store.threads.run(_insert, running.connection, insert, file, ask)
    statistics: Statistics = await asyncio.shield(running.future)
    store.counters.inserted_rows += statistics.written_rows
    store.counters.inserted_bytes += statistics.written_bytes
    await answer.whole(b"", "", statistics)


def _insert(connection: Connection, insert: Insert, file: int, ask: Ask) -> Statistics:
    """Insert what is in `file`, and close that. Blocks; raises StoreError."""
    try:
        # Where /dev/fd/N is the same open file, as on macOS, it is read from where it stands.
        os.lseek(file, 0, os.SEEK_SET)
        statement = insert.from_file(f"/dev/fd/{file}")
        return connection.run(statement, ask.default_format, ask.params)[1]
    finally:
        os.close(file)


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("insert")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
