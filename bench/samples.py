"""Results: one JSON line for each peer, scenario and round, with where and when it was measured.

A line stands for itself, so files can be joined, and a verdict is never stored: it is derived from
the lines (`bench.targets`). Knows nothing of how a value was measured.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.machine import commit, machine

RESULTS = Path(__file__).parent / "results"
PUBLISHED = RESULTS / "published"


@dataclass(frozen=True, slots=True)
class Run:
    """What all lines of one run share."""

    started_at: str
    commit: str
    form: str
    """`full` or `quick`; only full runs are published."""
    machine: dict[str, str | int]

    @classmethod
    def start(cls, form: str) -> "Run":
        """Describe a run that begins now, here."""
        return cls(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), commit(), form, machine())


@dataclass(frozen=True, slots=True)
class Sample:
    """What one peer did in one scenario in one round."""

    run: Run
    scenario: str
    peer: str
    round: int
    values: dict[str, float]


def write(file: Path, samples: Iterable[Sample]) -> None:
    """Replace the file's lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(orjson.dumps(asdict(sample)) + b"\n" for sample in samples))


def read(file: Path) -> list[Sample]:
    """Return a file's samples in their order."""
    rows = (orjson.loads(line) for line in file.read_bytes().splitlines())
    return [Sample(**{**row, "run": Run(**row["run"])}) for row in rows]
