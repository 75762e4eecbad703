"""Measures the store on this machine: `python -m tests.deploy.embedded_store.measure`.

Prints, for each content coding, rows a second by the clock and by the CPU time of the store's
process, for bodies of 32 MiB; then the idle CPU and the memory. No test: nothing here is asserted
but that every row is there. No deduplication window is set: a block that is dropped costs less.
"""

import gzip
import json
import os
import random
import re
import tempfile
import time
import uuid
from pathlib import Path

import lz4.frame
from backports import zstd

from tests.support.store import StoreProcess
from tests.support.waiting import wait_until

BODY_BYTES = 32 * 1024 * 1024
ROW_BYTES = 600
RUNS = 4
IDLE_STATUSES = 10
CREATE = """CREATE TABLE hits (id String, received_at DateTime64(3), site LowCardinality(String),
    event LowCardinality(String), url String, referrer String, visitor_id String, ip String,
    user_agent String, consent LowCardinality(String),
    properties Map(LowCardinality(String), String))
    ENGINE = MergeTree ORDER BY (site, received_at)"""
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Safari/537.36"
)


def make_row(rng: random.Random, n: int) -> bytes:
    """Return a line of `ROW_BYTES`, its line break included."""
    url = f"https://www.example.com/path/{rng.randrange(10**6)}?utm_campaign={n % 100}&g="
    row: dict[str, object] = {
        "id": uuid.UUID(int=rng.getrandbits(128)).hex,
        "received_at": f"2026-01-01 00:00:{n % 60:02}.{n % 1000:03}",
        "site": f"site {n % 5}",
        "event": "PageView",
        "url": url,
        "referrer": f"https://search.example/?q={rng.randrange(10**6)}",
        "visitor_id": uuid.UUID(int=rng.getrandbits(128)).hex,
        "ip": f"192.168.{n % 256}.0",
        "user_agent": USER_AGENT,
        "consent": "granted",
        "properties": {"plan": "premium"},
    }
    missing = ROW_BYTES - 1 - len(json.dumps(row))
    row["url"] = f"{url}{rng.getrandbits(4 * missing):0{missing}x}"
    return json.dumps(row).encode() + b"\n"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_inserts(store: StoreProcess, lines: bytes, rows: int) -> None:
    """Insert the lines in each coding and print what it took."""
    bodies = {
        "identity": lines,
        "lz4": lz4.frame.compress(lines),
        "zstd": zstd.compress(lines),
        "gzip": gzip.compress(lines, 1),
    }
    for coding, body in bodies.items():
        for _ in range(RUNS):
            clock, cpu = time.perf_counter(), cpu_seconds(store.pid)
            headers = {"Content-Encoding": coding}
            store.must("INSERT INTO hits FORMAT JSONEachRow", body=body, headers=headers)
            seconds = time.perf_counter() - clock
            spent = cpu_seconds(store.pid) - cpu
            print(f"{coding}: {rows / seconds:,.0f} rows/s, {rows / spent:,.0f} rows/CPU s")
    assert int(store.must("SELECT count() FROM hits")) == rows * RUNS * len(bodies)


def measure_idle(store: StoreProcess) -> None:
    """Print what the store takes while nobody asks; merges may still run at first."""
    clock, cpu, seen = time.perf_counter(), cpu_seconds(store.pid), len(store.statuses)
    wait_until(lambda: len(store.statuses) >= seen + IDLE_STATUSES, 2 * IDLE_STATUSES)
    share = (cpu_seconds(store.pid) - cpu) / (time.perf_counter() - clock)
    memory = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{store.pid}/status").read_text())
    assert memory
    print(f"idle: {share:.1%} of a core, {int(memory[1]) // 1024} MiB")


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    rng = random.Random(1)
    rows = BODY_BYTES // ROW_BYTES
    lines = b"".join(make_row(rng, n) for n in range(rows))
    print(f"{rows} rows of {len(lines) / rows:.0f} bytes, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, StoreProcess(Path(folder) / "data") as store:
        store.must(CREATE)
        measure_inserts(store, lines, rows)
        measure_idle(store)


if __name__ == "__main__":
    main()
