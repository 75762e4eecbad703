"""`heliograph dead-letters` as a person runs it: what it prints, refuses, and survives."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer.clickhouse_sink import ClickHouseSink
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.delivery import Batch, Refusal
from tests.support.hits import line
from tests.support.ports import free_ports
from tests.support.store import StoreProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

JOURNAL = "0193a4c2"
CUT_SHORT = b'{"id":"cut \x1b[2J short\xff'
LETTERS = 400

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


@pytest.fixture
async def client(store: StoreProcess) -> AsyncIterator[StoreClient]:
    settings = ClickHouseSettings(url=store.url, retention_days=0)
    await migrate(settings)
    async with StoreClient(settings) as client:
        for table in ("hits", "dead_letters", "dead_letter_replays"):
            # With its parts go their tokens.
            await client.execute(f"TRUNCATE TABLE {table}")
        yield client


@pytest.fixture
def dead_letters(store: StoreProcess, tmp_path: Path) -> Command:
    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command(store.url, *arguments), cwd=tmp_path, capture_output=True, timeout=60, **options
        )

    return run


def command(url: str, *arguments: str) -> list[str]:
    return [
        sys.executable, "-m", "deploy", "dead-letters", *arguments, f"--clickhouse.url={url}",
    ]  # fmt: skip


async def refuse(client: StoreClient, raws: Sequence[bytes], reason: str = "why") -> None:
    refusals = [Refusal(position, reason, raw) for position, raw in enumerate(raws)]
    batch = Batch(JOURNAL, 0, len(raws), b"", 0, refusals=tuple(refusals))
    await ClickHouseSink(client).write(batch)


async def test_list_and_show(client: StoreClient, dead_letters: Command) -> None:
    await refuse(client, [CUT_SHORT, line(1)[:-1]], "no \x1b[2J id")
    listed = dead_letters("list").stdout.decode().splitlines()
    assert [row.split()[2:4] for row in listed] == [
        [str(len(line(1)) - 1), f"{JOURNAL}:1"],
        [str(len(CUT_SHORT)), f"{JOURNAL}:0"],
    ]
    assert all(row.endswith(r"  no \x1b[2J id") for row in listed)
    assert dead_letters("list", "--reason=another").stdout == b""
    summary = dead_letters("list", "--summary", "--since=1h").stdout.decode().split()
    assert (summary[0], summary[-3:]) == ("2", ["no", r"\x1b[2J", "id"])
    shown = dead_letters("show", f"{JOURNAL}:0").stdout.decode()
    assert '{"id":"cut \\x1b[2J short\\xff' in shown
    assert f"size      {len(CUT_SHORT)} bytes" in shown
    assert dead_letters("show", f"{JOURNAL}:0", "--raw").stdout == CUT_SHORT


async def test_replay_says_what_is_still_refused(
    client: StoreClient, dead_letters: Command
) -> None:
    await refuse(client, [CUT_SHORT, line(1)[:-1]])
    told = dead_letters("replay", "--all", "--dry-run")
    assert b"1 would be in hits (0 of them were already), 1 would be refused" in told.stdout
    done = dead_letters("replay", "--all")
    assert done.returncode == 1
    first, last = done.stdout.decode().splitlines()
    assert first.startswith(f"{JOURNAL}:0  not JSON: ")
    assert last == "1 are in hits (0 of them were already), 1 are refused"
    one = dead_letters("replay", f"{JOURNAL}:1")
    assert (one.returncode, b"in hits already" in one.stderr) == (1, True)
    assert f"{JOURNAL}:1  in hits: why" in dead_letters("list", "--replayed").stdout.decode()
    assert await client.execute("SELECT count() FROM hits") == "1"


async def test_a_letter_is_mended_in_a_file(
    client: StoreClient, dead_letters: Command, tmp_path: Path
) -> None:
    await refuse(client, [line(number)[:-2] for number in range(1, 4)])
    assert dead_letters("replay", "--all").returncode == 1
    listed = dead_letters("list", "--json").stdout.decode().splitlines()
    letters = [json.loads(row) for row in listed]
    assert [letter["raw"].encode() for letter in letters] == [line(n)[:-2] for n in (3, 2, 1)]
    letters[0]["raw"] += "}"
    letters[1]["hit"] = json.loads(letters[1].pop("raw") + "}")
    mended = "\n".join(map(json.dumps, letters)).encode()
    (tmp_path / "mended").write_bytes(mended)
    for _ in range(2):
        done = dead_letters("replay", "--from-file", "mended")
        assert done.stdout.decode().startswith(f"{JOURNAL}:0  not JSON"), done.stderr
    assert await client.execute("SELECT count() FROM hits") == "2"
    letters[2]["raw"] += "}"
    done = dead_letters("replay", "--from-file=-", input=json.dumps(letters[2]).encode())
    assert done.stdout == b"1 are in hits (0 of them were already), 0 are refused\n"
    assert dead_letters("list").stdout == b""


@pytest.mark.slow
async def test_killed_again_and_again_each_letter_is_one_row(
    client: StoreClient, store: StoreProcess, dead_letters: Command, tmp_path: Path
) -> None:
    await refuse(client, [line(number)[:-1] for number in range(LETTERS)])
    while rows_of(store) < LETTERS:
        replay_and_kill(store, tmp_path)
    assert dead_letters("replay", "--all").returncode == 0
    assert (
        await client.execute("SELECT count(), uniqExact(id) FROM hits") == f"{LETTERS}\t{LETTERS}"
    )
    assert dead_letters("list").stdout == b""


def replay_and_kill(store: StoreProcess, folder: Path) -> None:
    """Kill a replay when it has put some letters through, in the middle of a page."""
    wanted = min(rows_of(store) + 60, LETTERS)
    process = subprocess.Popen(command(store.url, "replay", "--all"), cwd=folder)
    try:
        wait_until(lambda: rows_of(store) >= wanted, 30)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def rows_of(store: StoreProcess) -> int:
    return int(store.must("SELECT count() FROM hits"))


def test_errors_say_what_to_do(store: StoreProcess, dead_letters: Command, tmp_path: Path) -> None:
    def complaint(*arguments: str) -> str:
        done = dead_letters(*arguments)
        assert done.returncode in (1, 2)
        assert done.stdout == b""
        assert b"Traceback" not in done.stderr
        return done.stderr.decode()

    assert "or --all, or --from-file" in complaint("replay")
    assert "or --all, or --from-file" in complaint("replay", "--all", "--reason=x")
    assert "SOURCE:POSITION, as `list` prints it" in complaint("show", "nonsense")
    assert "'soon' is no time: 15m" in complaint("list", "--since=soon")
    assert "a number from 1" in complaint("list", "--limit=0")
    assert "--from-file missing: No such file" in complaint("replay", "--from-file=missing")
    assert "no such letter" in complaint("show", f"{JOURNAL}:999")
    (tmp_path / "unknown").write_text('{"source":"x","position":1,"raw":""}')
    assert "no letter is x:1" in complaint("replay", "--from-file=unknown")
    (tmp_path / "wrong").write_text("{}")
    assert "--from-file wrong: line 1: no 'source'" in complaint("replay", "--from-file=wrong")
    assert "heliograph migrate" in complaint("list", "--clickhouse.database=elsewhere")


def test_a_store_away_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    done = subprocess.run(command(url, "list"), cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert f"the store at {url}/ does not answer" in done.stderr.decode()
    assert "(clickhouse.url)" in done.stderr.decode()
