"""Runs load generators as processes of their own and merges what they saw.

A generator gets a core to itself, since its own delays would count as the server's. Raises
`FailedRunError` when a phase had any error: a number from a failed run is no number.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench import processes
from bench.load import Load, Outcome

SPARE_SECONDS = 60.0


class FailedRunError(Exception):
    """A phase had errors or timeouts; the message counts them."""


def drive(load: Load, cores: Sequence[int]) -> Outcome:
    """Put the load on the port from one generator on each core, and return the merged outcome."""
    share = 1 / len(cores)
    rate = load.rate_per_second
    started = []
    for number, core in enumerate(cores):
        part = replace(
            load,
            seed=load.seed + number,
            connections=round(load.connections * share),
            rate_per_second=rate * share if rate else None,
        )
        started.append(_start(part, core))
    total = Outcome()
    for process in started:
        total.merge(_outcome(process, load))
    return total


def checked(outcome: Outcome) -> Outcome:
    """Return the outcome of a run without errors; raises FailedRunError for any other."""
    if outcome.errors or not outcome.requests:
        raise FailedRunError(f"{outcome.requests} answers, errors: {dict(outcome.errors)}")
    return outcome


def _start(load: Load, core: int) -> subprocess.Popen[str]:
    with processes.pinned(core):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.loadgen"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdin
    process.stdin.write(json.dumps(load.encode()) + "\n")
    process.stdin.flush()
    return process


def _outcome(process: subprocess.Popen[str], load: Load) -> Outcome:
    seconds_max = load.warmup_seconds + load.seconds + load.timeout_seconds + SPARE_SECONDS
    try:
        answer, _ = process.communicate(timeout=seconds_max)
    finally:
        process.kill()
    return Outcome.decode(json.loads(answer))
