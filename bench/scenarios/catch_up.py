"""The consumer was away and comes back while hits go on coming: how fast it has caught up.

Through the journal. The consumer and the store share a core, as in `heliograph run` on two cores.
"""

from bench.journal_path import POLL_SECONDS, JournalPath, journal_path
from bench.rig import Figures, core_notes
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "catch-up"
ABOUT = "A consumer that was stopped makes up for it while the load goes on."
SECONDS = 10.0
RATE_PER_SECOND = 10_000.0
QUICK_RATE_PER_SECOND = 500.0
AWAY_TIMES = 3
BEHIND_SECONDS = 2.0  # a consumer this far behind has caught up: it waits for batches to fill


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure in each round on a path of its own."""
    figures = Figures()
    waiting: list[tuple[float, float]] = []
    for number in range(options.rounds):
        folder = options.folder / f"round-{number}"
        folder.mkdir()
        with journal_path(folder) as path:
            values, waiting = _round(path, options)
        figures.add("", values)
    series = {"hits waiting over time (s)": waiting}
    notes = ["The time counts from when the consumer is ready, its start not included."]
    return ScenarioResult(NAME, figures.by_name, series, notes + core_notes())


def _round(
    path: JournalPath, options: ScenarioOptions
) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """Let the consumer fall behind, start it under load, and watch."""
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    path.put(rate, options.seconds)
    path.wait_until_stored()
    path.stop("consumer")
    path.put(rate, options.seconds * AWAY_TIMES)
    sent, before = path.sent_hits, path.rows()
    path.start("consumer")
    waiting: list[tuple[float, float]] = []

    def caught_up(passed: float) -> bool:
        # While the load goes on only its schedule is known.
        due = path.sent_hits if path.sent_hits > sent else sent + rate * passed
        waiting.append((passed, due - path.rows()))
        return waiting[-1][1] < rate * BEHIND_SECONDS

    path.put_and_watch(rate, options.seconds, caught_up)
    took = next(passed for passed, hits in waiting if hits < rate * BEHIND_SECONDS)
    stored = sent - before + rate * min(took, options.seconds)
    values = {
        "backlog_hits": sent - before,
        "caught_up_after_s": took,
        "hits_per_second": stored / max(took, POLL_SECONDS),
        "times_the_rate_ratio": stored / max(took, POLL_SECONDS) / rate,
    }
    return values, waiting
