"""How many copies the topic gets: those the cluster is meant for, also while a broker is away."""

from pathlib import Path

import orjson
import pytest

from tests.support.hits import write_journal
from tests.support.kafka import cluster, kcat
from tests.support.shipper import ShipperProcess
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def listed(bootstrap: str) -> dict[str, list[dict[str, object]]]:
    found = orjson.loads(b"\n".join(kcat(bootstrap, "-L", "-J")))
    return {"brokers": found["brokers"], "topics": found["topics"]}


def test_a_broker_that_is_away_costs_the_topic_no_copy(tmp_path: Path) -> None:
    write_journal(tmp_path / "journal" / "w0", range(100))
    with cluster(tmp_path / "kafka", brokers=3) as brokers:
        first, _, away = brokers.brokers
        away.kill()
        bootstrap = first.node.address
        wait_until(lambda: len(listed(bootstrap)["brokers"]) == 2, 30, "a cluster without it")
        with ShipperProcess(tmp_path / "journal", bootstrap=bootstrap, topic="copies") as shipper:
            # Two copies are enough to begin with; the third follows when its broker is back.
            wait_until(lambda: shipper.metric("shipper_hits_total") == 100, 60, "hits shipped")
            (topic,) = [one for one in listed(bootstrap)["topics"] if one["topic"] == "copies"]
            assert {len(partition["replicas"]) for partition in topic["partitions"]} == {3}  # type: ignore[attr-defined]
