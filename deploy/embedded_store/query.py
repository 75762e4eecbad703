"""Statements without data: reads stream through a pipe, everything else is run whole.

The engine writes a result itself, in any of its formats, to a file descriptor named by an INTO
OUTFILE clause that is put into the text; a pipe there gives streaming, back-pressure and the
formats' own heads and tails, which chDB's `send_query` (one document per block) does not.
So SYSTEM.PROCESSES shows that clause. Knows nothing of inserts with data.
"""

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator

from deploy.embedded_store.answer import HELD_BYTES, Answer
from deploy.embedded_store.ask import Ask
from deploy.embedded_store.engine import Connection, Statistics
from deploy.embedded_store.errors import SYNTAX_ERROR, StoreError
from deploy.embedded_store.native_frames import NativeFrames
from deploy.embedded_store.reader import check_reader
from deploy.embedded_store.statement import format_of, into_outfile
from deploy.embedded_store.store import Running, Store
from schemas.pipes import read_pipe

_PIPE_BYTES = 1024 * 1024
_SPOOL_MEMORY_BYTES = 4 * 1024 * 1024


async def answer_statement(
    store: Store, ask: Ask, running: Running, text: bytes, answer: Answer
) -> None:
    """Run `text` and send its result; raises StoreError before the answer has begun."""
    if not text.strip():
        raise StoreError(SYNTAX_ERROR, "Empty query.")
    query_class, count = await store.threads.run(running.connection.classify, text)
    if ask.user == "reader":
        if query_class == "UNKNOWN":
            await store.threads.run(running.connection.parse, text)
        check_reader(text, query_class, count)
    if count > 1:
        raise StoreError(SYNTAX_ERROR, "Multi-statements are not allowed.")
    if query_class == "READ_ONLY":
        store.counters.queries["read"] += 1
        await _stream(store, ask, running, text, answer)
        return
    store.counters.queries["other"] += 1
    if query_class == "CONTROL":
        store.keep_session(running, ask)
    default = ask.default_format
    running.future = store.threads.run(running.connection.run, text, default, ask.params)
    body, statistics = await asyncio.shield(running.future)
    await answer.whole(body, format_of(text, default) if body else "", statistics)


async def _stream(store: Store, ask: Ask, running: Running, text: bytes, answer: Answer) -> None:
    read_fd, write_fd = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # a limit of the system; the pipe works all the same
            fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    statement, format_name = into_outfile(text, f"/dev/fd/{write_fd}", ask.default_format)
    running.future = store.threads.run(_run_into, running.connection, statement, ask, write_fd)
    reader, transport = await read_pipe(read_fd, HELD_BYTES)
    frames = NativeFrames() if ask.framed_native and format_name == "Native" else None
    try:
        await _forward(_pieces(reader, frames), running.future, format_name, ask, answer)
    except StoreError as error:
        if not answer.begun:
            raise
        await answer.break_off(error)
    finally:
        transport.close()


def _run_into(connection: Connection, statement: bytes, ask: Ask, write_fd: int) -> Statistics:
    """Run a statement that writes to `write_fd`, and close that. Blocks; raises StoreError."""
    try:
        return connection.run(statement, ask.default_format, ask.params)[1]
    finally:
        os.close(write_fd)


async def _pieces(
    reader: asyncio.StreamReader, frames: NativeFrames | None
) -> AsyncIterator[bytes]:
    """Yield what the engine wrote, framed for clients that want it so; raises StoreError."""
    while data := await reader.read(HELD_BYTES):
        if frames is None:
            yield data
        elif framed := frames.feed(data):
            yield framed
    if frames is not None:
        yield frames.finish()


async def _forward(
    pieces: AsyncIterator[bytes],
    future: "asyncio.Future[Statistics]",
    format_name: str,
    ask: Ask,
    answer: Answer,
) -> None:
    """Hold the beginning back, then send what comes; raises StoreError if the query ends so."""
    statistics = None
    with tempfile.SpooledTemporaryFile(_SPOOL_MEMORY_BYTES) as held:
        async for data in pieces:
            held.write(data)
            if held.tell() >= HELD_BYTES and not ask.wait_end_of_query:
                break
        else:
            statistics = await asyncio.shield(future)
        await answer.begin(format_name, statistics)
        held.seek(0)
        while piece := held.read(HELD_BYTES):
            await answer.write(piece)
    async for data in pieces:
        await answer.write(data)
    await asyncio.shield(future)
