"""Clients that die at any moment of an insert or a query: the store must stay able to answer.

The engine crashes, or deadlocks with Python's lock held, when a connection is closed while a call
on it still runs in another thread; a handler that is cancelled leaves exactly such a call behind.
Only the last test hits that moment each time; the first two passed before the cure as well.
"""

import http.client
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.store import ROOT, StoreProcess

pytestmark = pytest.mark.real

LEAVERS = 150
SEED = 20261124


def leave_after(store: StoreProcess, request: bytes, sent: int) -> None:
    """Send the first bytes of a request and reset the connection, as a killed client's does."""
    with socket.create_connection(("127.0.0.1", store.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(request[:sent])


@pytest.mark.parametrize("session", ["", "&session_id=leaver"])
def test_inserts_whose_clients_die(tmp_path: Path, session: str) -> None:
    rng = random.Random(SEED)
    body = b"1\n" * 20_000
    with StoreProcess(tmp_path / "data") as store:
        store.must("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
        if session:
            store.must("SET max_threads = 1", session_id="leaver")
        head = (
            f"POST /?query=INSERT+INTO+t+FORMAT+CSV{session} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        for _ in range(LEAVERS):
            whole = rng.random() < 0.8
            leave_after(
                store, head + body, len(head) + (len(body) if whole else rng.randrange(len(body)))
            )
            store.must("SELECT 1")
        assert int(store.must("SELECT count() FROM t")) % 20_000 == 0
        assert store.terminate() == 0


def test_queries_whose_clients_die(tmp_path: Path) -> None:
    with StoreProcess(tmp_path / "data") as store:
        for n in range(LEAVERS):
            connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
            connection.request("POST", "/", f"SELECT sum(number) FROM numbers({10 ** (n % 9)})")
            connection.close()
            store.must("SELECT 1")
        assert store.terminate() == 0


# In a process of its own: a deadlock holds Python's lock, and no time-out of pytest could end it.
RACE = """
import asyncio, pathlib, sys
from deploy.embedded_store.engine import Engine
from deploy.embedded_store.settings import StoreSettings
from deploy.embedded_store.threads import Threads

async def main():
    engine, threads = Engine(StoreSettings(path=pathlib.Path(sys.argv[1]))), Threads(8)
    await threads.run(engine.open)
    owner = engine.connect()
    owner.run(b"CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
    for _ in range(int(sys.argv[2])):
        connection = engine.connect()
        begun = threads.run(connection.run, b"INSERT INTO t SELECT number FROM numbers(100)")
        closed = threads.run(connection.close)
        await asyncio.gather(begun, closed, return_exceptions=True)
    owner.close()
    threads.close()
    engine.close()

asyncio.run(main())
"""


def test_close_waits_for_a_call_that_was_left(tmp_path: Path) -> None:
    """The race itself: an insert begins in one thread while another closes its connection."""
    command = [sys.executable, "-c", RACE, str(tmp_path / "data"), str(LEAVERS)]
    done = subprocess.run(
        command, cwd=ROOT, timeout=30, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
