"""The store killed, stopped, started twice, and sent the same block again."""

import http.client
import json
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.support.store import ROOT, StoreProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

ROWS = 2000
CREATE = """CREATE TABLE hits (block UInt32, n UInt32)
    ENGINE = MergeTree ORDER BY n PARTITION BY n % 2
    SETTINGS non_replicated_deduplication_window = 10000"""
CREATE_SUMS = """CREATE TABLE sums (block UInt32, n UInt64) ENGINE = SummingMergeTree ORDER BY block
    SETTINGS non_replicated_deduplication_window = 10000"""
CREATE_VIEW = (
    "CREATE MATERIALIZED VIEW view TO sums AS SELECT block, count() AS n FROM hits GROUP BY block"
)
COUNTS = "SELECT block, count(), uniqExact(n) FROM hits GROUP BY block ORDER BY block"
SUMS = "SELECT block, sum(n) FROM sums GROUP BY block ORDER BY block"


def insert(store: StoreProcess, block: int) -> int:
    """Send a block under its token and return the status; raises OSError if the store is gone."""
    lines = b"".join(b'{"block":%d,"n":%d}\n' % (block, n) for n in range(ROWS))
    return store.query(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=lines,
        insert_deduplication_token=f"block {block}",
        deduplicate_blocks_in_dependent_materialized_views=1,
        async_insert=0,
    ).status


def create(store: StoreProcess) -> None:
    for sql in (CREATE, CREATE_SUMS, CREATE_VIEW):
        store.must(sql)


def insert_until_killed(store: StoreProcess, first: int, acknowledged: list[int]) -> int:
    """Insert blocks from `first` on, one by one; return the block that was not answered."""
    block = first
    while True:
        try:
            assert insert(store, block) == 200
        except (OSError, http.client.HTTPException):
            return block
        acknowledged.append(block)
        block += 1


def reached(acknowledged: list[int], count: int) -> bool:
    return len(acknowledged) >= count


def test_kill_9_in_the_middle_of_inserts(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    unanswered: list[int] = []
    store = StoreProcess(tmp_path / "data").start()
    create(store)
    for _ in range(3):
        first = (unanswered or [0])[-1]
        writer = threading.Thread(
            target=lambda first=first: unanswered.append(
                insert_until_killed(store, first, acknowledged)
            )
        )
        writer.start()
        wait_until(partial(reached, acknowledged, len(acknowledged) + 4))
        store.kill()
        writer.join()
        store.start()
        counts = {row.split("\t")[0]: row for row in store.must(COUNTS).splitlines()}
        assert all(counts[str(block)] == f"{block}\t{ROWS}\t{ROWS}" for block in acknowledged)
    blocks = sorted({*acknowledged, *unanswered})
    assert all(insert(store, block) == 200 for block in blocks)
    assert store.must(COUNTS) == "\n".join(f"{block}\t{ROWS}\t{ROWS}" for block in blocks)
    assert store.must(SUMS) == "\n".join(f"{block}\t{ROWS}" for block in blocks)
    assert store.terminate() == 0


def test_token_drops_a_block_sent_again(tmp_path: Path) -> None:
    with StoreProcess(tmp_path / "data") as store:
        create(store)
        assert [insert(store, 1), insert(store, 1), insert(store, 2)] == [200] * 3
        assert store.must(COUNTS) == f"1\t{ROWS}\t{ROWS}\n2\t{ROWS}\t{ROWS}"
        assert store.must(SUMS) == f"1\t{ROWS}\n2\t{ROWS}"


def test_sigterm_lets_a_running_query_end(tmp_path: Path) -> None:
    replies: list[str] = []
    store = StoreProcess(tmp_path / "data").start()
    sql = "SELECT sleepEachRow(0.1) FROM numbers(10) SETTINGS max_block_size = 1 FORMAT TSV"
    reader = threading.Thread(target=lambda: replies.append(store.must(sql, query_id="last")))
    reader.start()
    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'last'"
    wait_until(lambda: store.must(running) == "1")
    assert store.terminate() == 0
    reader.join()
    assert replies == ["\n".join("0" * 10)]


def test_sigterm_kills_a_query_past_the_deadline(tmp_path: Path) -> None:
    store = StoreProcess(tmp_path / "data", stop_seconds_max=0.2).start()
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
    connection.request(
        "POST", "/?query_id=endless", "SELECT sum(number) FROM numbers(1000000000000)"
    )
    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'endless'"
    wait_until(lambda: store.must(running) == "1")
    assert store.terminate() == 0
    connection.close()


def test_stops_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    store = StoreProcess(tmp_path / "data").start()
    store.close_stdin()
    assert store.wait() == 0


def start_another(path: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.embedded_store"],
        input=json.dumps({"path": str(path), "port": port}) + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )


def test_a_second_store_on_the_folder_says_so(store: StoreProcess) -> None:
    second = start_another(store.path, 0)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"another store has this folder open (process {store.pid})" in second.stderr
    assert "HELIOGRAPH_STORE_PATH" in second.stderr


def test_a_taken_port_is_named(store: StoreProcess, tmp_path: Path) -> None:
    second = start_another(tmp_path / "data", store.port)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"store.port {store.port} (HELIOGRAPH_STORE_PORT)" in second.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    second = start_another(tmp_path / "file" / "data", 0)
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert f"store.path {tmp_path / 'file' / 'data'}" in second.stderr


def parts(store: StoreProcess, table: str) -> list[Path]:
    found = store.must(
        f"SELECT path FROM system.parts WHERE table = '{table}' AND active ORDER BY name"
    )
    return [Path(line) for line in found.splitlines()]


def test_a_token_whose_part_was_never_named_is_forgotten(tmp_path: Path) -> None:
    """As kill -9 leaves it between the two steps of an insert's commit."""
    store = StoreProcess(tmp_path / "data").start()
    create(store)
    for block in range(3):
        assert insert(store, block) == 200
    before = parts(store, "hits")[-1]
    store.kill()
    shutil.rmtree(before)
    store.start()
    assert any("1 inserts were cut off" in line for line in store.log)
    for block in range(3):
        assert insert(store, block) == 200
    counts = store.must(COUNTS).splitlines()
    assert [line.split("\t")[1:] for line in counts] == [[str(ROWS), str(ROWS)]] * 3
    assert store.must(SUMS).splitlines() == [f"{block}\t{ROWS}" for block in range(3)]
    store.terminate()


def test_merged_and_dropped_parts_are_not_taken_for_unfinished(tmp_path: Path) -> None:
    store = StoreProcess(tmp_path / "data").start()
    create(store)
    for block in range(4):
        assert insert(store, block) == 200
    store.must("ALTER TABLE hits DROP PARTITION 1")
    store.must("OPTIMIZE TABLE hits FINAL")
    store.must("ALTER TABLE hits DELETE WHERE block = 2 SETTINGS mutations_sync = 2")
    store.kill()
    store.start()
    assert not any("cut off" in line for line in store.log)
    for block in range(4):
        assert insert(store, block) == 200
    assert store.must("SELECT count() FROM hits WHERE n % 2 = 0") == str(3 * ROWS // 2)
    store.terminate()


def test_a_record_that_was_cut_off_is_replaced(tmp_path: Path) -> None:
    store = StoreProcess(tmp_path / "data").start()
    create(store)
    assert insert(store, 0) == 200
    (log,) = parts(store, "hits")[0].parent.glob("deduplication_logs/*")
    store.kill()
    with log.open("a") as file:
        file.write("1\t0_9_")
    store.start()
    assert insert(store, 1) == 200
    store.kill()
    store.start()
    assert [insert(store, block) for block in range(3)] == [200] * 3
    assert store.must("SELECT count() FROM hits") == str(3 * ROWS)
    store.terminate()
