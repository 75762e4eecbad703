"""What a capacity plan is asked for, and what a hit costs: the two inputs of the model.

A workload is checked when it is made; an error names the flag. Costs are rows of two files,
one `measured` by the bench, one `assumed` with reasons, so that a plan can say which is which.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

KINDS = ("measured", "assumed")
FOLDER = Path(__file__).parent


class BadWorkload(Exception):
    """The workload can't be planned for; the message names the flag."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One row of a file of costs."""

    kind: str
    """The file's: one of `KINDS`."""
    name: str
    value: float
    unit: str
    what: str
    source: str


def costs(folder: Path = FOLDER) -> dict[str, Cost]:
    """Return the rows of both files by name."""
    rows = [
        Cost(kind, **row)
        for kind in KINDS
        for row in tomllib.loads((folder / f"capacity_{kind}.toml").read_text("utf-8"))["cost"]
    ]
    return {row.name: row for row in rows}


def values(rows: Mapping[str, Cost]) -> dict[str, float]:
    """Return the numbers alone, as the model takes them."""
    return {name: row.value for name, row in rows.items()}


def flag(name: str) -> str:
    """Return the command's flag of a row of the workload."""
    return "--" + name.replace("_", "-")


def _row(about: str, default: float, *, least: float = 0, most: float = 1e12) -> Any:
    """Declare a row with its limits, both of them allowed."""
    return field(default=default, metadata={"about": about, "least": least, "most": most})


TINY = 1e-6  # `least` of what must be more than nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is to be borne, and by which machines. Each row is a flag of the command."""

    hits_per_second: float = field(
        metadata={"about": "hits a second, the mean of a day", "least": TINY, "most": 1e9}
    )
    peak_factor: float = _row("the busiest hour, times the mean", 2.0, least=1)
    hit_bytes: float = _row("a hit in the journal, bytes", 600, least=1)
    new_connection_share: float = _row("share of hits that open a connection", 0.1, most=1)
    connection_seconds: float = _row("how long a connection stays open", 60)
    outage_minutes: float = _row("how long Kafka or ClickHouse may be away at the peak", 60)
    recovery_minutes: float = _row("in which an outage is made up for", 60, least=TINY)
    retention_days: float = _row("how long ClickHouse keeps rows", 395, least=TINY)
    replication: int = _row("copies of a row in ClickHouse", 2, least=1)
    kafka_replication: int = _row("copies of a record in Kafka", 3, least=1)
    kafka_hours: float = _row("how long Kafka keeps records", 24, least=TINY)
    utilisation: float = _row("share of a core that is busy at the peak", 0.5, least=TINY, most=1)
    disk_fill: float = _row("share of a disk that is filled", 0.7, least=TINY, most=1)
    spare: int = _row("collectors, brokers and consumer machines that may be away", 1)
    collector_cores: int = _row("cores of a collector machine", 8, least=1)
    broker_cores: int = _row("cores of a broker", 8, least=1)
    broker_disk_tb: float = _row("disk of a broker, TB", 4, least=TINY)
    consumer_cores: int = _row("cores of a consumer machine", 8, least=1)
    store_cores: int = _row("cores of a ClickHouse node", 32, least=1)
    store_disk_tb: float = _row("disk of a ClickHouse node, TB", 16, least=TINY)
    insert_share: float = _row("share of ClickHouse's CPU for inserts", 0.5, least=TINY, most=1)

    def __post_init__(self) -> None:
        for row in fields(self):
            value, least, most = getattr(self, row.name), *_limits(row)
            if not least <= value <= most:
                bounds = "more than 0" if least == TINY else f"at least {least:g}"
                raise BadWorkload(f"{flag(row.name)}={value:g}: {bounds}, at most {most:g}")

    @property
    def peak_per_second(self) -> float:
        """Hits a second in the busiest hour."""
        return self.hits_per_second * self.peak_factor

    @property
    def catch_up_per_second(self) -> float:
        """Hits a second at the peak while what waited in an outage is made up for."""
        return self.peak_per_second * (1 + self.outage_minutes / self.recovery_minutes)


def _limits(row: "Field[Any]") -> tuple[float, float]:
    return row.metadata["least"], row.metadata["most"]
