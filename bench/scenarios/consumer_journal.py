"""The consumer from a journal that is there into an empty store (`bench.pump`), round by round."""

from bench.pump import one_round
from bench.rig import core_notes, of_samples
from bench.samples import Run
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "consumer-journal"
ABOUT = "Hits per CPU second of the consumer, from a journal into the embedded store."
HITS_PER_SECOND = 200_000  # of a phase: it can't be stopped after a time
HITS_MIN = 200_000


def run(options: ScenarioOptions) -> ScenarioResult:
    """Drain a journal in each round."""
    described = Run.start("quick" if options.quick else "full")
    hits = max(round(HITS_PER_SECOND * options.seconds), HITS_MIN)
    seen = [one_round(described, number, hits) for number in range(options.rounds)]
    notes = ["Between the first and the last insert; later merges of the store are not in it."]
    return ScenarioResult(NAME, of_samples(seen), notes=notes + core_notes())
