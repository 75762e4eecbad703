"""Which pictures and tables a scenario has on the page: rows of what to draw, and a default.

A scenario that is not named here gets all its series as lines, those of one unit together, and all
its figures as one table. Pure: records in, pictures by file name out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import tables
from bench.pictures import Axis, Bar, Mark, bars, lines
from bench.records import Record, spread
from bench.targets import OURS

# `p99 (ms) over time (s)`: the line's name, its unit, what is on the other axis.
_LABEL = re.compile(r"^(?P<name>.*?) \((?P<unit>[^)]*)\) over (?P<x>.+)$")
_LOG_RATIO = 30  # a range wider than this is drawn in decades
_WHAT = {"ms": "latency, ms,", "MB": "memory, MB,"}  # of a unit, if it is of one thing
NGINX = "nginx"


@dataclass(frozen=True, slots=True)
class BarPicture:
    """Bars of one figure, a bar for each peer, beside a peer's as the mark."""

    scenario: str
    figure: str
    title: str
    beside: str = NGINX


@dataclass(frozen=True, slots=True)
class PeerTable:
    """A table with a row for each peer; the first column also as a ratio."""

    scenario: str
    title: str
    columns: tuple[str, ...]
    against: str = NGINX


BARS = (
    BarPicture("peers", "keep_alive_cpu_us_per_request", "CPU µs per pixel, connections kept open"),
    BarPicture("peers", "short_cpu_us_per_request", "CPU µs per pixel, a connection for each"),
    BarPicture("peers", "p99_ms", "99th percentile of latency, ms"),
    BarPicture(
        "idle-connections",
        "rss_bytes_per_connection",
        "Memory per idle connection, bytes",
        "aiohttp",
    ),
    BarPicture("shipper", "hits_per_cpu_second", "Journal to Kafka: hits per CPU second", ""),
    BarPicture(
        "consumer-kafka",
        "hits_per_consumer_cpu_second",
        "Kafka to ClickHouse: hits per CPU second of the consumer",
        "",
    ),
)
TABLES = (
    PeerTable(
        "peers",
        "64 keep-alive connections, as fast as answers come",
        (
            "keep_alive_requests_per_cpu_second",
            "keep_alive_cpu_us_per_request",
            "keep_alive_requests_per_second",
        ),
    ),
    PeerTable(
        "peers",
        "One request per connection, 64 at a time",
        ("short_requests_per_cpu_second", "short_cpu_us_per_request", "short_requests_per_second"),
    ),
    PeerTable(
        "peers",
        "Latency from the intended send time, at a rate that all hold",
        ("p99_ms", "p50_ms", "p99_9_ms", "p99_99_ms", "unsent_requests"),
    ),
)


def pictures(records: Mapping[str, Record]) -> dict[str, tuple[str, str]]:
    """Return each picture's file name, its scenario and its SVG."""
    drawn: dict[str, tuple[str, str]] = {}
    for wanted in BARS:
        record = records.get(wanted.scenario)
        picture = _bars(wanted, record) if record else ""
        if picture:
            drawn[_file(wanted.scenario, wanted.figure)] = (wanted.scenario, picture)
    for name, record in records.items():
        for unit, picture in _lines(record):
            drawn[_file(name, unit)] = (name, picture)
    return drawn


def figure_tables(record: Record) -> str:
    """Return a scenario's tables."""
    by_name = {name: record.figure(name) for name in record.result.figures}
    own = [wanted for wanted in TABLES if wanted.scenario == record.result.name]
    if not own:
        return tables.figures(by_name) if by_name else ""
    return "\n".join(
        f"{wanted.title}:\n\n{tables.picked(by_name, wanted.columns, wanted.against)}"
        for wanted in own
    )


def _bars(wanted: BarPicture, record: Record) -> str:
    rows, mark = [], None
    for full in record.result.figures:
        peer, _, what = full.rpartition(".")
        seen = spread(record.figure(full))
        if what != wanted.figure or not seen:
            continue
        text = tables.number(seen.median)
        rows.append(Bar(peer or OURS, seen.median, seen.low, seen.high, text, peer in ("", OURS)))
        if peer == wanted.beside:
            mark = Mark(seen.median, peer)
    rows.sort(key=lambda row: row.value)
    return bars(wanted.title, rows, mark) if len(rows) > 1 else ""


def _lines(record: Record) -> Iterator[tuple[str, str]]:
    """Yield a picture for each unit of the series, with that unit's name."""
    groups: dict[tuple[str, str], dict[str, Sequence[tuple[float, float]]]] = {}
    for label, points in record.result.series.items():
        found = _LABEL.match(label)
        if found and len(points) > 1:
            name = tables.titled(found["name"])
            groups.setdefault((found["unit"], found["x"]), {})[name] = points
    for (unit, x_title), series in groups.items():
        what = _WHAT.get(unit, unit)
        shared = f"{record.result.name.replace('-', ' ').capitalize()}: {what} over {x_title}"
        values = [y for points in series.values() for _, y in points if y > 0]
        log = bool(values) and max(values) > _LOG_RATIO * min(values) and unit in ("ms", "µs")
        yield unit, lines(shared, series, Axis(x_title), Axis(unit, log=log))


def _file(scenario: str, what: str) -> str:
    clean = re.sub(r"[^a-z0-9]+", "-", f"{scenario} {what}".lower().replace("µ", "u"))
    return clean.strip("-") + ".svg"
