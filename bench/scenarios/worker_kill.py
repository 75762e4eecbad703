"""A worker is killed under load: what clients notice, and that no answered hit is lost.

The requests on its connections fail, and those connections are made anew; the supervisor starts
another worker. Each answer seen is then looked for in the journal, by count.
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.drive import drive
from bench.journal_path import over_time
from bench.load import Load
from bench.peers import BY_NAME
from bench.rig import CLIENT_CORES, CORES, OURS, Figures, core_notes, percentiles, started
from bench.scenario import Points, ScenarioOptions, ScenarioResult
from bench.server import Server

NAME = "worker-kill"
ABOUT = "A worker is killed: failed requests, latency, the new worker, and no answered hit lost."
RATE_PER_SECOND = 4_000.0
QUICK_RATE_PER_SECOND = 500.0
SLICES = 20
ERRORS_MAX = 10**9
WAIT_SECONDS = 0.01
WORKERS = {"HELIOGRAPH_COLLECTOR_WORKERS": "2"}


def run(options: ScenarioOptions) -> ScenarioResult:
    """Kill a worker in the middle of each round."""
    figures = Figures()
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    slice_seconds = options.seconds * 2 / SLICES
    series: dict[str, Points] = {}
    for number in range(options.rounds):
        folder = options.folder / f"round-{number}"
        folder.mkdir()
        with started(BY_NAME[OURS], folder, CORES[:2], WORKERS) as server:
            load = Load(
                server.port,
                options.seconds * 2,
                warmup_seconds=0,
                rate_per_second=rate,
                spin=False,
                slice_seconds=slice_seconds,
                errors_max=ERRORS_MAX,
            )
            with ThreadPoolExecutor(1) as pool:
                loaded = pool.submit(drive, load, CLIENT_CORES)
                server.wait(options.seconds)
                back_ms = _kill_one(server)
                outcome = loaded.result()
        answered = outcome.corrected.total - outcome.unsent
        kept = _lines(folder)
        values = {
            "failed_requests": outcome.errors.total(),
            "answered_requests": answered,
            "answered_not_kept_hits": max(answered - kept, 0),
            "new_worker_after_ms": back_ms,
            **percentiles(outcome.corrected),
        }
        figures.add("", values)
        series = {"p99 (ms) over time (s)": over_time([outcome], slice_seconds, 99)}
    notes = [
        f"The worker is killed after {options.seconds:g} s; what was on its connections failed.",
        *core_notes(),
    ]
    return ScenarioResult(NAME, figures.by_name, series, notes)


def _kill_one(server: Server) -> float:
    """Kill a worker; return how many milliseconds later another process is in its place."""
    before = server.pids
    os.kill(before[-1], signal.SIGKILL)
    waited = 0.0
    while set(server.pids) <= set(before):
        server.wait(WAIT_SECONDS)
        waited += WAIT_SECONDS
    return waited * 1e3


def _lines(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.rglob("*.ndjson"))
