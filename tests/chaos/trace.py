"""Where hits that went wrong are: asked of the topic while the brokers still run.

A hit that is twice in the topic was shipped twice; one that is there once, and twice in the store,
was inserted twice; one that is nowhere was lost before Kafka. Only for the report of a failure.
"""

import shutil
from collections import Counter
from collections.abc import Sequence

import orjson

from tests.chaos.system import System
from tests.chaos.verdict import Verdict
from tests.support.kafka import committed_records

TOPIC = "hits"


def trace(system: System, verdict: Verdict) -> Sequence[str]:
    """Return sentences: how often the topic has the hits that are missing, or twice."""
    if shutil.which("kcat") is None:
        return ["where they are can't be said: kcat is not installed"]
    wanted = {*verdict.missing, *verdict.twice}
    found: Counter[str] = Counter()
    for record in committed_records(system.bootstrap, TOPIC):
        event_id = orjson.loads(record.value).get("event_id", "")
        if event_id in wanted:
            found[event_id] += 1
    said = []
    for name, ids in (("missing", verdict.missing), ("twice", verdict.twice)):
        times = Counter(found[event_id] for event_id in ids)
        said += [
            f"of the hits {name}, {hits} are in the topic {count} times"
            for count, hits in sorted(times.items())
        ]
    return said
