"""The bench of the consumer, ``make bench-pump``: a journal of generated hits into an empty store.

The journal is there before the consumer starts, so the consumer is never short of hits. It has one
core and the embedded store another; the CPU time of both is reported apart, since a ClickHouse
server would bear the store's. Merges that come after the last insert are not counted.
"""

import argparse
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from bench import gen, processes, samples, tables, targets
from bench.drive import FailedRunError
from bench.peers import heliograph
from bench.samples import Run, Sample
from bench.server import Server, ServerError, free_port, running
from schemas.journal.writer import JournalWriter

CORES = sorted(os.sched_getaffinity(0))
STORE_CORE, CONSUMER_CORE = CORES[0], CORES[-1]
CHUNK_LINES = 1_000
POLL_SECONDS = 0.1
DRAIN_SECONDS_MAX = 300.0


def main() -> int:
    """Run it, print and keep what was seen; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.pump", description="Bench of the consumer.")
    parser.add_argument("--quick", action="store_true", help="less of it, to see that it works")
    parser.add_argument("--hits", type=int, default=0, help="how many [2,000,000; quick: 300,000]")
    given = parser.parse_args()
    run = Run.start("quick" if given.quick else "full")
    hits = given.hits or (300_000 if given.quick else 2_000_000)
    try:
        seen = [one_round(run, number, hits) for number in range(1 if given.quick else 3)]
    except (FailedRunError, ServerError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 2
    samples.write(samples.RESULTS / f"pump-{run.form}.ndjson", seen)
    print(tables.of_samples(seen))
    return 0


def one_round(run: Run, number: int, hits: int) -> Sample:
    """Drain a journal of its own into an empty store; raises FailedRunError or ServerError."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as temporary:
        folder = Path(temporary)
        written = write_journal(folder / "journal" / "w0", hits)
        port = free_port()
        with (
            running(
                heliograph.store(folder, port), port, STORE_CORE, folder / "store.log", pings
            ) as store,
            running(
                heliograph.consumer(folder, port), port, CONSUMER_CORE, folder / "log", has_table
            ) as consumer,
        ):
            values = drain(consumer, store, hits)
    return Sample(run, "journal_to_store", targets.OURS, number, values | {"bytes": written})


def write_journal(folder: Path, hits: int, *, varied: bool = False) -> int:
    """Fill a journal that no collector writes any more; return its bytes.

    With `varied` no body comes twice, as disks see it; without, it is faster made.
    """
    journal = JournalWriter(
        folder,
        segment_bytes_max=64 * 1024**2,
        segment_age_seconds_max=3_600,
        quota_bytes_max=1 << 50,
        monotonic=time.monotonic,
    )
    start_ms = time.time_ns() // 1_000_000
    pools = range(0, hits, gen.POOL) if varied else (0,)
    size = gen.POOL if varied else hits
    lines = chain.from_iterable(
        gen.lines(min(size, hits - first), seed=1 + first, start_ms=start_ms) for first in pools
    )
    while chunk := list(_take(lines, CHUNK_LINES)):
        journal.append(chunk)
    journal.close()
    return journal.position


def _take(lines: Iterator[bytes], count: int) -> Iterator[bytes]:
    for _, line in zip(range(count), lines, strict=False):
        yield line


def drain(
    consumer: Server, store: Server, hits: int, *, from_now: bool = False
) -> dict[str, float]:
    """Wait until all hits are stored, and tell what the time between first and last insert cost.

    With `from_now`, what it cost from this call on: of what may insert all at once.
    """
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    first, begun, begin = 0, from_now, _clocks(consumer, store)
    while (stored := _stored(store.port)) < hits:
        if stored and not begun:
            first, begun, begin = stored, True, _clocks(consumer, store)
        if time.monotonic() > deadline:
            raise FailedRunError(f"{stored} of {hits} hits after {DRAIN_SECONDS_MAX} s")
        consumer.wait(POLL_SECONDS)
    end = _clocks(consumer, store)
    if stored > hits or not begun:
        raise FailedRunError(f"{stored} rows of {hits} hits, {first} of them at the first look")
    wall, of_consumer, of_store = (after - before for before, after in zip(begin, end, strict=True))
    moved = stored - first
    return {
        "hits": hits,
        "hits_per_second": moved / wall,
        "hits_per_cpu_second": moved / (of_consumer + of_store),
        "hits_per_consumer_cpu_second": moved / of_consumer,
        "hits_per_store_cpu_second": moved / of_store,
        "consumer_rss_bytes": consumer.rss_bytes(),
        "store_rss_bytes": store.rss_bytes(),
    }


def _clocks(consumer: Server, store: Server) -> tuple[float, float, float]:
    of_consumer, of_store = (processes.cpu_ns(server.pids) / 1e9 for server in (consumer, store))
    return time.perf_counter(), of_consumer, of_store


def pings(port: int) -> bool:
    """Tell whether a store answers."""
    return bool(get(port, "ping"))


def has_table(port: int) -> bool:
    """Tell whether a store has the table of hits."""
    return bool(get(port, "?query=SELECT+count()+FROM+hits"))


def _stored(port: int) -> int:
    return int(get(port, "?query=SELECT+count()+FROM+hits") or 0)


def get(port: int, target: str) -> str:
    """Return what the store answers; empty if it does not answer or refuses."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{target}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
