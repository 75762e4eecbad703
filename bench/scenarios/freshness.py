"""How old a hit is when it is a row: from the collector's clock to the store's, end to end.

Through the journal alone, as `heliograph run` has it, at a low and a high rate; and through Kafka,
where one can be started. Settings are the defaults, so it is their waiting that is seen.
"""

from contextlib import ExitStack

from bench.drive import FailedRunError
from bench.journal_path import journal_path
from bench.path import Kafka, WholePath, freshness_ms, now_ms, until_rows
from bench.rig import Figures, core_notes
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "freshness"
ABOUT = "The age of a hit when it is a row of the store, with and without Kafka."
SECONDS = 10.0
RATES_PER_SECOND = (100, 5_000)


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure each way in each round."""
    figures = Figures()
    notes = core_notes()
    for number in range(options.rounds):
        folder = options.folder / f"round-{number}"
        folder.mkdir()
        with journal_path(folder) as path:
            path.put(RATES_PER_SECOND[0], options.seconds / 2)
            for rate in RATES_PER_SECOND[:1] if options.quick else RATES_PER_SECOND:
                since_ms = now_ms()
                path.put(rate, options.seconds)
                path.wait_until_stored()
                _add(figures, f"journal_at_{rate}_", path.store_port, since_ms)
    if options.quick:
        notes.append("The short form leaves Kafka out.")
    else:
        notes += _through_kafka(options, figures)
    return ScenarioResult(NAME, figures.by_name, notes=notes)


def _through_kafka(options: ScenarioOptions, figures: Figures) -> list[str]:
    """Measure the way through Kafka; return a note if there is none."""
    with ExitStack() as stack:
        kafka = Kafka(options.folder / "kafka")
        stack.callback(kafka.stop)
        try:
            kafka.start()
        except FailedRunError:
            return ["Without a JDK 17 the way through Kafka was not measured."]
        path = WholePath(stack, options.folder, kafka)
        path.phase("warm-up", RATES_PER_SECOND[0], options.seconds)
        sent = RATES_PER_SECOND[0] * options.seconds
        for _ in range(options.rounds):
            for rate in RATES_PER_SECOND:
                since_ms = now_ms()
                path.phase("well", rate, options.seconds)
                sent += rate * options.seconds
                until_rows(path, sent)
                _add(figures, f"kafka_at_{rate}_", path.store_port, since_ms)
    return []


def _add(figures: Figures, prefix: str, store_port: int, since_ms: int) -> None:
    p50, p99 = freshness_ms(store_port, since_ms, now_ms())
    figures.add("", {"p50_ms": p50, "p99_ms": p99}, prefix)
