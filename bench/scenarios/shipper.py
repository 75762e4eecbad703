"""The shipper from a journal that is there to a real broker (`bench.shipper`), in rounds."""

from bench.broker import broker
from bench.pump import write_journal
from bench.rig import CLIENT_CORES, of_samples
from bench.samples import Run, Sample
from bench.scenario import ScenarioOptions, ScenarioResult
from bench.shipper import one_round

NAME = "shipper"
ABOUT = "Hits per CPU second from a journal to Kafka, beside `producer.send` for each."
HITS_PER_SECOND = 100_000  # of a phase: it can't be stopped after a time
HITS_MIN = 400_000  # fewer may be in Kafka at the first report, which has no beginning


def run(options: ScenarioOptions) -> ScenarioResult:
    """Ship the same journal in every way."""
    hits = max(round(HITS_PER_SECOND * options.seconds), HITS_MIN)
    write_journal(options.folder / "template", hits)
    seen: list[Sample] = []
    with broker(options.folder / "kafka", CLIENT_CORES[0]) as bootstrap:
        if not bootstrap:
            return ScenarioResult(NAME, skipped="Kafka could not be started: it needs a JDK 17.")
        for number in range(options.rounds):
            run_ = Run.start("quick" if options.quick else "full")
            seen += one_round(run_, number, options.folder, bootstrap, hits)
    notes = ["CPU time is the shipping process's; the broker's is nobody's."]
    return ScenarioResult(NAME, of_samples(seen), notes=notes)
