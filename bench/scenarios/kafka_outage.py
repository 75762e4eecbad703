"""Kafka goes away under load and comes back: what the pixel notices, and how fast it is made up.

The whole path of `bench.path`: collector, shipper, a real broker, consumer and store. One round,
whatever is asked: its parts take longer to start than the phases last.
"""

from contextlib import ExitStack

from bench.drive import FailedRunError
from bench.journal_path import over_time
from bench.path import Kafka, WholePath, until_rows
from bench.rig import Figures, core_notes, percentiles
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "kafka-outage"
ABOUT = "The pixel's latency while Kafka is stopped, and the time until all hits are rows."
SECONDS = 15.0
RATE_PER_SECOND = 5_000
QUICK_RATE_PER_SECOND = 500
AWAY_TIMES = 2
SLICES = 15


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure before, during and after."""
    with ExitStack() as stack:
        kafka = Kafka(options.folder / "kafka")
        stack.callback(kafka.stop)
        try:
            kafka.start()
        except FailedRunError:
            return ScenarioResult(NAME, skipped="Kafka could not be started: it needs a JDK 17.")
        return _measure(WholePath(stack, options.folder, kafka), options)


def _measure(path: WholePath, options: ScenarioOptions) -> ScenarioResult:
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    seconds, slice_seconds = options.seconds, options.seconds / SLICES
    path.phase("warm-up", rate, seconds / 2)
    well = path.phase("well", rate, seconds, slice_seconds)
    path.kafka.stop()
    away = path.phase("away", rate, seconds * AWAY_TIMES, slice_seconds)
    waiting_bytes = path.waiting_bytes()
    before = path.rows()
    path.kafka.start()
    back_seconds = until_rows(path, rate * seconds * (1.5 + AWAY_TIMES))
    figures = Figures()
    figures.add("", percentiles(well.corrected), "well_")
    figures.add("", percentiles(away.corrected), "away_")
    values = {
        "away_journal_bytes": waiting_bytes,
        "back_all_rows_after_s": back_seconds,
        "back_hits_per_second": (path.rows() - before) / max(back_seconds, 1e-3),
    }
    figures.add("", values)
    series = {
        f"p{percent} (ms) over time (s)": over_time([well, away], slice_seconds, percent)
        for percent in (50, 99)
    }
    notes = [f"Kafka is stopped after {seconds:g} s; the broker's start counts as away."]
    return ScenarioResult(NAME, figures.by_name, series, notes + core_notes())
