"""What is answered with 200 is stored: inserts that the engine takes in and then can't commit."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

ROWS = b"".join(b"%d\t%s\n" % (n, str(n * 7919).encode() * 40) for n in range(20_000))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(mounted)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("can't mount a small file system: run the tests as root (in CI they are)")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def test_a_full_disk_refuses_and_what_was_acknowledged_is_there(small_disk: Path) -> None:
    with StoreProcess(small_disk / "data") as store:
        store.must(
            "CREATE TABLE t (n UInt64, s String CODEC(NONE)) ENGINE = MergeTree ORDER BY n "
            "PARTITION BY intDiv(n, 1000000)"
        )
        acknowledged = 0
        for _ in range(64):
            reply = store.query("INSERT INTO t FORMAT TSV", body=ROWS)
            if reply.status != 200:
                break
            acknowledged += 20_000
        assert reply.status == 500
        assert "NOT_ENOUGH_SPACE" in reply.text
        assert store.must("SELECT count() FROM t") == str(acknowledged)


def test_a_view_that_refuses_a_row_fails_the_insert(store: StoreProcess, table: str) -> None:
    store.must(
        f"CREATE MATERIALIZED VIEW {table}_v ENGINE = MergeTree ORDER BY tuple() AS "
        f"SELECT toUInt8(s) AS small FROM {table}"
    )
    try:
        reply = store.query(f"INSERT INTO {table} FORMAT TSV", body=b"1\tnot a number\n")
        assert reply.status == 400
        assert "CANNOT_PARSE_TEXT" in reply.text
    finally:
        store.must(f"DROP TABLE {table}_v")


def test_a_constraint_that_refuses_a_row_fails_the_insert(store: StoreProcess, table: str) -> None:
    store.must(f"ALTER TABLE {table} ADD CONSTRAINT small CHECK n < 100")
    reply = store.query(f"INSERT INTO {table} FORMAT TSV", body=b"1\ta\n100\tb\n")
    assert reply.status != 200
    assert "VIOLATED_CONSTRAINT" in reply.text
    assert store.must(f"SELECT count() FROM {table}") == "0"
