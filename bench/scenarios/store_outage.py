"""The store goes away under load and comes back: what the pixel notices, how fast it is made up.

While it is away hits wait in the journal; the consumer tries again until it is there.
"""

from bench.journal_path import journal_path, over_time
from bench.rig import Figures, core_notes, percentiles
from bench.scenario import Points, ScenarioOptions, ScenarioResult

NAME = "store-outage"
ABOUT = "The pixel's latency while the store is stopped, and the time until all hits are rows."
SECONDS = 10.0
RATE_PER_SECOND = 5_000.0
QUICK_RATE_PER_SECOND = 500.0
AWAY_TIMES = 2
SLICES = 10


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure before, during and after, in each round on a path of its own."""
    figures = Figures()
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    slice_seconds = options.seconds / SLICES
    series: dict[str, Points] = {}
    for number in range(options.rounds):
        folder = options.folder / f"round-{number}"
        folder.mkdir()
        with journal_path(folder) as path:
            path.put(rate, options.seconds / 2)  # caches and code paths, warm
            well = path.put(rate, options.seconds, slice_seconds)
            path.wait_until_stored()
            path.stop("store")
            away = path.put(rate, options.seconds * AWAY_TIMES, slice_seconds)
            path.start("store")
            before = path.rows()
            back_seconds = path.wait_until_stored()
            figures.add("", percentiles(well.corrected), "well_")
            figures.add("", percentiles(away.corrected), "away_")
            values = {
                "back_all_rows_after_s": back_seconds,
                "back_hits_per_second": (path.rows() - before) / max(back_seconds, 1e-3),
            }
            figures.add("", values)
        for percent in (50, 99):
            label = f"p{percent} (ms) over time (s)"
            series[label] = over_time([well, away], slice_seconds, percent)
    notes = [f"The store is stopped after {options.seconds:g} s.", *core_notes()]
    return ScenarioResult(NAME, figures.by_name, series, notes)
