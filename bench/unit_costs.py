"""Writes what the scenario `unit-costs` measured where `heliograph capacity` reads it.

``python -m bench.unit_costs`` renders deploy/capacity_measured.toml from the published results, so
it can be made again from what is committed; a test compares the two. Pure up to `publish`.
"""

from datetime import datetime
from pathlib import Path
from statistics import median

from bench.records import PUBLISHED_FILE, Record, read

SCENARIO = "unit-costs"
FILE = Path(__file__).parent.parent / "deploy" / "capacity_measured.toml"
FIGURES = {
    "pixel_us": ("CPU µs", "collector: a pixel on a connection that stays open"),
    "lone_pixel_us": ("CPU µs", "collector: a pixel alone on its connection"),
    "ship_us": ("CPU µs", "shipper: a hit into Kafka, exactly once"),
    "broker_write_us": ("CPU µs", "broker: a hit written, each copy"),
    "broker_read_us": ("CPU µs", "broker: a hit read, by a consumer or a follower"),
    "consume_us": ("CPU µs", "consumer: a hit from Kafka into ClickHouse"),
    "insert_us": ("CPU µs", "ClickHouse: a hit inserted"),
    "merge_us": ("CPU µs", "ClickHouse: a row merged once"),
    "wire_share": ("times", "bytes in Kafka (zstd) of a byte in the journal"),
    "row_bytes": ("bytes", "a row on ClickHouse's disk, one copy, merged"),
    "hit_bytes": ("bytes", "a hit in the journal, for which CPU is stated"),
    "request_bytes": ("bytes", "a pixel's request"),
    "answer_bytes": ("bytes", "its answer"),
    "connection_bytes": ("bytes", "memory: an idle connection"),
    "worker_bytes": ("bytes", "memory: a collector's worker and its supervisor"),
    "shipper_bytes": ("bytes", "memory: a shipper"),
    "broker_bytes": ("bytes", "memory: a broker, without the page cache it lives on"),
    "consumer_bytes": ("bytes", "memory: a consumer"),
    "store_bytes": ("bytes", "memory: ClickHouse, while it inserts"),
}
_HEAD = """\
# What one hit costs, for `heliograph capacity`: medians of the scenario `unit-costs`, written by
# `python -m bench.unit_costs` from bench/results/published/bench.ndjson; edit neither. CPU is that
# of a hit of {hit_bytes:.0f} bytes in the journal, on: {processor}, {python}.
"""


def rendered(record: Record) -> str:
    """Return the file from the scenario's record."""
    run = record.run
    day = datetime.fromisoformat(run.started_at).date()
    source = f"bench/results/published, scenario {SCENARIO}, commit {run.commit}, {day}"
    head = _HEAD.format(
        hit_bytes=median(record.figure("hit_bytes")),
        processor=run.machine["processor"],
        python=run.machine["python"],
    )
    rows = (
        f'[[cost]]\nname = "{name}"\nvalue = {median(record.figure(name)):.4g}\n'
        f'unit = "{unit}"\nwhat = "{what}"\nsource = "{source}"\n'
        for name, (unit, what) in FIGURES.items()
    )
    return "\n".join((head, *rows))


def publish() -> bool:
    """Write the file, if the published results have all it needs; tell whether they do."""
    record = read(PUBLISHED_FILE).get(SCENARIO)
    if record is None or not all(record.figure(name) for name in FIGURES):
        return False
    FILE.write_text(rendered(record), encoding="utf-8")
    return True


if __name__ == "__main__":
    publish()
