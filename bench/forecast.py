"""Runs the simulation on what was measured, and writes what it says into docs/capacity.md.

``python -m bench.forecast`` reads the published results: a worker is fitted to the latency at a
quarter of saturation and has to foretell that at 50, 75 and 90 %; a pipeline is made of unit costs
and has to foretell how long an outage took to make up for. Then both are asked about a million and
ten million hits a second, which nobody measured here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import samples, tables
from bench.bystanders import OTHER_WORK
from bench.pictures import Axis, lines
from bench.records import PATH_FILE, PUBLISHED_FILE, Record, read
from bench.simulation import (
    KAFKA,
    STORE,
    Pipeline,
    Second,
    Worker,
    fitted,
    fleet_latency,
    latency,
    outage,
    shares,
)
from deploy.capacity import Plan, plan
from deploy.capacity_workload import Workload, costs, values

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "capacity.md"
PICTURES = ROOT / "docs" / "images" / "capacity"
BEGIN, END = "<!-- simulated: begin -->\n", "<!-- simulated: end -->\n"
SEED = 20_261_124
FITTED_AT = 25
FORETOLD_AT = (50, 75, 90)
HITS = 300_000
RATES_PER_SECOND = (1e6, 3e6, 1e7)
CONNECTIONS_EACH = (4, 16, 64, 256, 1_024)
FLEET_WORKERS_MAX = 60  # more are like these
PERCENTS = (50.0, 99.0, 99.9)
PATH_RATE_PER_SECOND = 5_000
PATH_COSTS = ("ship_us", "broker_write_us", "broker_read_us", "consume_us", "insert_us")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Text for the page, and its pictures by file name."""

    text: str
    pictures: Mapping[str, str]


def forecast(records: Mapping[str, Record], path: Mapping[str, float]) -> Forecast:
    """Return what the simulation says, from the published records and the long run of the path."""
    worker = _fitted(records["latency"])
    parts: list[str] = []
    pictures: dict[str, str] = {}
    for text, drawn in (
        _validated(records["latency"], worker),
        _utilisation(worker),
        (_connections(worker), {}),
        _outages(),
        (_outages_validated(records["kafka-outage"], path), {}),
    ):
        parts.append(text)
        pictures |= drawn
    return Forecast("\n".join(parts), pictures)


def written(page: str, text: str) -> str:
    """Return the page with the text between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def published() -> Forecast:
    """Return the forecast from what is published."""
    return forecast(read(PUBLISHED_FILE), samples.read(PATH_FILE)[-1].values)


def main() -> None:
    """Write page and pictures, if the published results have what it takes."""
    made = published()
    PAGE.write_text(written(PAGE.read_text("utf-8"), made.text), encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in made.pictures.items():
        (PICTURES / name).write_text(picture, encoding="utf-8")


def _fitted(record: Record) -> Worker:
    def seen(what: str) -> float:
        return median(record.figure(f"heliograph.at_{FITTED_AT}_percent_{what}"))

    return fitted(
        _saturation(record),
        FITTED_AT / 100,
        cpu_us=seen("cpu_us_per_request"),
        p50_us=seen("p50_ms") * 1e3,
        p99_us=seen("p99_ms") * 1e3,
        p99_9_us=seen("p99_9_ms") * 1e3,
    )


def _saturation(record: Record) -> float:
    return median(record.figure("heliograph.saturation_requests_per_second"))


def _validated(record: Record, worker: Worker) -> tuple[str, dict[str, str]]:
    """Foretell the latencies that were measured, with arrivals as the bench sends them."""
    rows = []
    series: dict[str, list[tuple[float, float]]] = {}
    for load in (FITTED_AT, *FORETOLD_AT):
        rate = _saturation(record) * load / 100
        seen = latency(worker, rate, HITS, SEED, poisson=False)
        cells = [f"{load} %", "fitted" if load == FITTED_AT else "foretold"]
        for percent in PERCENTS:
            name = f"p{percent:g}"
            figure = f"heliograph.at_{load}_percent_{name.replace('.', '_')}_ms"
            measured = record.figure(figure)
            simulated_ms = seen.percentile(percent) / 1e6
            cells.append(
                f"{tables.number(simulated_ms)} / {tables.number(median(measured))}"
                if measured
                else tables.number(simulated_ms)
            )
            series.setdefault(f"{name}, simulated", []).append((load, simulated_ms))
            if measured:
                dots = series.setdefault(f"{name}, measured", [])
                dots.append((load, median(measured)))
        rows.append(cells)
    head = ("load", "", *(f"p{percent:g} ms, simulated / measured" for percent in PERCENTS))
    drawn = lines(
        "Latency of one worker: simulated, and measured", series,
        Axis("share of saturation (%)"), Axis("ms", log=True),
    )  # fmt: skip
    busy = [f"**{note}**\n\n" for note in record.result.notes if note.startswith(OTHER_WORK)]
    text = (
        "### One worker, foretold and measured\n\n"
        + "".join(busy)
        + f"Fitted to {FITTED_AT} % load: a turn of {worker.turn_us:.1f} µs and "
        f"{worker.hit_us:.1f} µs a hit, {worker.way_us:.0f} µs on the way, and the machine "
        f"standing still {worker.stalls_per_second:.1f} times a second for "
        f"{worker.stall_us / 1e3:.1f} ms. The other loads are foretold.\n\n"
        "![Simulated and measured latency](images/capacity/worker.svg)\n\n"
        + tables.table(head, rows)
    )
    return text, {"worker.svg": drawn}


def _utilisation(worker: Worker) -> tuple[str, dict[str, str]]:
    """Say what random arrivals make of it, with and without the machine's stalls."""
    calm = Worker(worker.turn_us, worker.hit_us, worker.way_us, worker.stall_us, 0.0)
    loads = (10, 25, 40, 50, 60, 70, 80, 85, 90, 95)
    series: dict[str, list[tuple[float, float]]] = {}
    for load in loads:
        rate = worker.hits_per_second_max * load / 100
        for name, one in (("with stalls", worker), ("without", calm)):
            seen = latency(one, rate, HITS, SEED, poisson=True)
            for percent in PERCENTS:
                points = series.setdefault(f"{name}, p{percent:g}", [])
                points.append((load, seen.percentile(percent) / 1e6))
    drawn = lines(
        "Latency of one worker with arrivals at random, simulated", series,
        Axis("share of saturation (%)"), Axis("ms", log=True),
    )  # fmt: skip
    at_half, at_most = (dict(series["without, p99"])[load] for load in (50, 90))
    text = (
        "### Utilisation\n\n"
        "Arrivals of many visitors are random, not steady as a bench's. The queue alone, without "
        f"stalls, costs a p99 of {at_half * 1e3:,.0f} µs at 50 % and {at_most * 1e3:,.0f} µs at "
        "90 %: a worker answers in turns, so hits that wait are cheaper and the queue stays short. "
        "The tail is the machine's stalls, and a higher load makes each of them last.\n\n"
        "![Latency over utilisation](images/capacity/utilisation.svg)\n"
    )
    return text, {"utilisation.svg": drawn}


def _connections(worker: Worker) -> str:
    """Say what few connections do to a fleet, for the plans of the command."""
    rows = []
    for rate in RATES_PER_SECOND:
        made = _plan(rate)
        workers = made.collectors.processes
        load = made.workload.utilisation
        for each in CONNECTIONS_EACH:
            spread = shares(workers, workers * each, SEED)
            picked = sorted(spread)[:: max(len(spread) // FLEET_WORKERS_MAX, 1)]
            picked[-1] = max(spread)
            seen = fleet_latency(worker, load, picked, HITS, SEED)
            rows.append(
                (
                    f"{rate / 1e6:g} M/s, {workers:,} workers",
                    f"{each:,}",
                    f"{max(spread):.2f}",
                    f"{max(spread) * load:.0%}" + ("" if max(spread) * load < 1 else ": too much"),
                    tables.number(seen.percentile(99) / 1e6),
                )
            )
    head = ("mean rate", "connections a worker", "busiest / mean", "its load", "p99 ms of all")
    return (
        "### Few connections\n\n"
        "The kernel spreads connections over workers by a hash, not by load. Where a proxy keeps "
        "few busy ones, some worker has too many of them; with 64 a worker or more it does not "
        "matter at half load.\n\n" + tables.table(head, rows)
    )


def _outages() -> tuple[str, dict[str, str]]:
    """Say what an hour without Kafka, or without ClickHouse, does to the plans."""
    rows = []
    series: dict[str, list[tuple[float, float]]] = {}
    for rate in RATES_PER_SECOND:
        made = _plan(rate)
        load = made.workload
        away_seconds = int(load.outage_minutes * 60)
        for away, name in ((KAFKA, "Kafka"), (STORE, "ClickHouse")):
            seconds = outage(_pipeline(made), load.peak_per_second, away_seconds, away, SEED)
            in_journals = max(second.in_journals for second in seconds) * load.hit_bytes
            rows.append(
                (
                    f"{rate / 1e6:g} M/s",
                    name,
                    f"{in_journals / 1e12:.2f}",
                    f"{max(second.in_kafka for second in seconds) / 1e9:.2f}",
                    f"{(seconds[-1].at - away_seconds) / 60:.0f} / {made.catch_up_minutes:.0f}",
                    f"{max(second.age_seconds for second in seconds) / 60:.0f}",
                )
            )
            if rate == RATES_PER_SECOND[0]:
                for where, points in _thinned(seconds).items():
                    series[f"{name} away, {where}"] = points
    head = ("mean rate", "away for an hour", "TB in journals, at most", "G hits in Kafka, at most",
            "made up for, min: simulated / formula", "oldest hit, min")  # fmt: skip
    drawn = lines(
        "Hits that wait: an hour's outage at the peak of 1 M hits/s on average, simulated", series,
        Axis("minutes"), Axis("G hits"),
    )  # fmt: skip
    text = (
        "### An outage at the peak\n\n"
        "![Hits that wait](images/capacity/outage.svg)\n\n" + tables.table(head, rows)
    )
    return text, {"outage.svg": drawn}


def _thinned(seconds: Sequence[Second]) -> dict[str, list[tuple[float, float]]]:
    """Return where hits wait, minute by minute, as far as any do there."""
    picked = seconds[:: max(len(seconds) // 200, 1)]
    waiting = {
        "in the journals": [(second.at / 60, second.in_journals / 1e9) for second in picked],
        "in Kafka": [(second.at / 60, second.in_kafka / 1e9) for second in picked],
    }
    return {where: points for where, points in waiting.items() if max(y for _, y in points) > 0.1}


def _outages_validated(record: Record, path: Mapping[str, float]) -> str:
    """Foretell how long the bench's own outages took, where all share one core."""
    cost = values(costs())
    path_us = sum(cost[name] for name in PATH_COSTS)
    pipeline = Pipeline(1e6 / path_us, 1e6 / path_us)
    waited = {
        "`make bench`": (
            median(record.figure("away_journal_bytes")) / cost["hit_bytes"],
            median(record.figure("back_all_rows_after_s")),
        ),
        "`make bench-path`, ten minutes": (
            path["away: journal, MB"] * 1e6 / cost["hit_bytes"],
            path["back: all are rows after, s"],
        ),
    }
    rows = []
    for name, (hits, measured) in waited.items():
        away = max(round(hits / PATH_RATE_PER_SECOND), 1)
        seconds = outage(pipeline, PATH_RATE_PER_SECOND, away, KAFKA, SEED, keeps_coming=False)
        foretold = seconds[-1].at - away
        rows.append((name, f"{hits:,.0f}", f"{foretold:,.0f}", f"{measured:,.0f}"))
    head = ("outage", "hits that waited", "s, foretold", "s, measured")
    return (
        "### The bench's outages, foretold and measured\n\n"
        "Kafka was away, and a broker, a shipper, a consumer and a store shared one core: "
        f"{path_us:.1f} µs a hit for all of them, so the model. What a short one takes beyond it "
        "is the time until each has noticed that Kafka is back, which the model leaves out.\n\n"
        + tables.table(head, rows)
    )


def _plan(rate: float) -> Plan:
    return plan(Workload(hits_per_second=rate), values(costs()))


def _pipeline(made: Plan) -> Pipeline:
    behind = (made.brokers, made.consumers, made.stores)
    return Pipeline(
        made.collectors.hits_per_second_max, min(fleet.hits_per_second_max for fleet in behind)
    )


if __name__ == "__main__":
    main()
