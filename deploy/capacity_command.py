"""The `heliograph capacity` command: its flags, and a plan as a table or as JSON.

Flags are the rows of `Workload`. The table says beside each cost whether it was measured or is
assumed; a plan is no better than those.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Any

import orjson

from deploy.capacity import Fleet, Plan, plan
from deploy.capacity_workload import BadWorkload, Cost, Workload, costs, flag, values
from deploy.settings import Settings

EXIT_BAD_WORKLOAD = 2
_DAY = 86_400


def add_capacity_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each row of a workload."""
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    for row in fields(Workload):
        needed = row.default is MISSING
        shown = "" if needed else f" [{row.default:g}]"
        parser.add_argument(
            flag(row.name),
            type=int if row.type is int else float,
            required=needed,
            default=argparse.SUPPRESS,
            metavar="NUMBER",
            help=row.metadata["about"] + shown,
        )


def capacity(_: Settings, options: argparse.Namespace) -> int:
    """Print what a workload needs; return the exit code."""
    given = vars(options)
    rows = costs()
    try:
        load = Workload(
            **{row.name: given[row.name] for row in fields(Workload) if row.name in given}
        )
    except BadWorkload as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_WORKLOAD
    made = plan(load, values(rows))
    print(encoded(made, rows) if options.json else told(made, rows))
    return 0


def encoded(made: Plan, rows: Mapping[str, Cost]) -> str:
    """Return a plan as JSON, with the costs it rests on."""
    whole: dict[str, Any] = asdict(made)
    whole["catch_up_minutes"] = made.catch_up_minutes
    whole["costs"] = {name: asdict(row) for name, row in rows.items()}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()


def told(made: Plan, rows: Mapping[str, Cost]) -> str:
    """Return a plan for a person."""
    load = made.workload
    parts = [
        f"{load.hits_per_second:,.0f} hits/s, {load.peak_per_second:,.0f} at the peak; "
        f"{load.catch_up_per_second:,.0f} while {load.outage_minutes:g} minutes without Kafka or "
        f"ClickHouse are made up for in {load.recovery_minutes:g}.",
        _columns([_HEAD, *(_row(name, one) for name, one in made.fleets.items())]),
        _notes(made),
        "Bytes in a month\n" + _named(made.monthly_bytes),
        "Bytes that wait after the outage\n" + _named(made.outage_bytes),
        _costs(rows),
    ]
    return "\n\n".join(parts)


_HEAD = ("", "machines", "bound by", "processes", "busy cores", "memory", "disk", "network")


def _row(name: str, one: Fleet) -> tuple[str, ...]:
    return (
        name,
        f"{one.machines:,}",
        one.bound_by,
        f"{one.processes:,}",
        f"{one.busy_cores:,.1f}",
        size(one.memory_bytes),
        size(one.disk_bytes) if one.disk_bytes else "-",
        f"{one.bits_per_second / 1e9:,.2f} Gbit/s",
    )


def _notes(made: Plan) -> str:
    load = made.workload
    in_use = made.collectors.machines - load.spare
    quota = made.outage_bytes["in the journals, with Kafka away"] / made.collectors.processes
    workers = -(-made.collectors.processes // in_use)
    return "\n".join(
        (
            f"Machines include {load.spare} spare of each kind but ClickHouse, whose copies are "
            "its spares. Memory, disk and network are one machine's; memory is the processes' own, "
            "without page cache and queries.",
            f"Collectors: {workers} {'worker' if workers == 1 else 'workers'} each, "
            f"journal.quota_bytes_max={quota:.0f} at least.",
            f"Kafka: {made.partitions:,} partitions, {load.kafka_replication} copies, "
            f"{load.kafka_hours:g} hours.",
            f"ClickHouse: {made.shards:,} shards, {load.replication} copies, "
            f"{load.retention_days:g} days.",
            f"With nothing held back, an outage at the peak is made up for in "
            f"{made.catch_up_minutes:,.0f} minutes.",
        )
    )


def _costs(rows: Mapping[str, Cost]) -> str:
    lines = [(row.what, f"{row.value:,.4g}", row.unit, row.kind) for row in rows.values()]
    return "What it rests on (docs/capacity.md has the model)\n" + _columns(lines)


def _named(sizes: Mapping[str, float]) -> str:
    return _columns([(name, size(count)) for name, count in sizes.items()])


def size(count: float) -> str:
    """Return bytes as a person reads them, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1_000:
            return f"{count:,.3g} {unit}"
        count /= 1_000
    return f"{count:,.1f} PB"


def _columns(lines: Sequence[Sequence[str]]) -> str:
    """Return lines whose columns are flush: the first left, the others right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
