"""What the bench keeps: one JSON line for each scenario, with where and when it was measured.

A line stands for itself, so files can be joined, and a verdict is never stored: it is derived from
the lines (`bench.targets`). Writing a scenario's line replaces its last one, so a run can go on
where it stopped. Knows nothing of how a figure was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench.samples import PUBLISHED, RESULTS, Run
from bench.scenario import ScenarioResult

PUBLISHED_FILE = PUBLISHED / "bench.ndjson"
PATH_FILE = PUBLISHED / "path.ndjson"  # the last full `make bench-path`, in its own lines


@dataclass(frozen=True, slots=True)
class Record:
    """What one scenario showed in one run."""

    run: Run
    took_seconds: float
    result: ScenarioResult

    def figure(self, name: str) -> list[float]:
        """Return a figure's values by round; none if it was not measured."""
        values = self.result.figures.get(name, ())
        return [float(values)] if isinstance(values, int | float) else list(values)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and their extremes."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """Return the spread of a figure's values; None if there are none."""
    return Spread(median(values), min(values), max(values)) if values else None


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio in each round, in which both met the same machine.

    A figure that was taken once is compared with every round of the other.
    """
    if len(ours) != len(theirs):
        ours, theirs = (
            list(side) * (max(len(ours), len(theirs)) if len(side) == 1 else 1)
            for side in (ours, theirs)
        )
    return [mine / other for mine, other in zip(ours, theirs, strict=False) if other]


def file_of(form: str) -> Path:
    """Return where the lines of a form (`full`, `quick`) are."""
    return RESULTS / f"bench-{form}.ndjson"


def read(file: Path) -> dict[str, Record]:
    """Return a file's records by their scenario's name; none if there is no file."""
    lines = file.read_bytes().splitlines() if file.exists() else ()
    return {record.result.name: record for record in map(_decoded, lines)}


def write(file: Path, records: Iterable[Record]) -> None:
    """Replace the file's lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(b"".join(orjson.dumps(_encoded(record)) + b"\n" for record in records))
    part.replace(file)


def put(file: Path, record: Record) -> None:
    """Write one scenario's line, in place of its last one if there is one."""
    write(file, {**read(file), record.result.name: record}.values())


def forget(file: Path, name: str) -> None:
    """Drop a scenario's line: its last run failed."""
    write(file, (record for other, record in read(file).items() if other != name))


def _encoded(record: Record) -> dict[str, Any]:
    return {**asdict(record), "result": record.result.encode()}


def _decoded(line: bytes) -> Record:
    row: Mapping[str, Any] = orjson.loads(line)
    result = ScenarioResult.decode(row["result"])
    return Record(Run(**row["run"]), row["took_seconds"], result)
