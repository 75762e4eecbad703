"""The capacity model: what must hold of every plan, its formulas by hand, and the command."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import cli
from deploy.capacity import plan
from deploy.capacity_command import size
from deploy.capacity_workload import KINDS, BadWorkload, Workload, costs, values

COST = values(costs())
ROUND = {
    "pixel_us": 10.0, "lone_pixel_us": 40.0, "ship_us": 5.0, "broker_write_us": 3.0,
    "broker_read_us": 2.0, "consume_us": 2.0, "insert_us": 6.0, "merge_us": 1.0, "merges": 4.0,
    "wire_share": 0.25, "variety": 2.0, "row_bytes": 50.0, "hit_bytes": 500.0,
    "request_bytes": 700.0, "answer_bytes": 300.0, "connection_bytes": 3e3, "worker_bytes": 1e8,
    "shipper_bytes": 1e8, "broker_bytes": 4e8, "consumer_bytes": 3e8, "store_bytes": 8e8,
    "broker_write_bytes_per_second": 1e8,
}  # fmt: skip
LOAD = Workload(hits_per_second=100_000, hit_bytes=500, new_connection_share=0.1)

rates = st.floats(min_value=1, max_value=1e8)


def test_a_plan_by_hand() -> None:
    made = plan(LOAD, ROUND)
    # 200,000 at the peak, 400,000 while catching up; a pixel is 0.9 * 10 + 0.1 * 40 = 13 µs.
    assert made.collectors.busy_cores == pytest.approx(0.2 * 13 + 0.4 * 5)
    assert made.collectors.machines == 2 + 1  # 4.6 cores at a half, 8 in a machine
    assert made.collectors.processes == 6
    assert made.collectors.disk_bytes == pytest.approx(200_000 * 3_600 * 500 / 2 / 0.7)
    assert made.brokers.busy_cores == pytest.approx(0.4 * 5 * 3)
    assert made.brokers.bound_by == "bytes written"  # 400,000 * 250 * 3 = 300 MB/s: three
    assert made.brokers.machines == 3 + 1
    assert made.consumers.processes == 2
    assert made.partitions == 4  # two a consumer, one a broker at least, a multiple of four
    rows_tb = 100_000 * 395 * 86_400 * 100 / 1e12
    assert made.shards == -(-rows_tb // (16 * 0.7))
    assert made.stores.machines == made.shards * 2
    assert made.stores.busy_cores == pytest.approx(0.4 * (6 + 4) * 2)
    assert made.monthly_bytes["into Kafka"] == pytest.approx(100_000 * 30 * 86_400 * 250)
    assert made.outage_bytes["in the journals, with Kafka away"] == pytest.approx(3.6e11)


@given(rates)
def test_more_hits_never_need_less(rate: float) -> None:
    small, large = (plan(Workload(hits_per_second=r), COST) for r in (rate, rate * 2))
    for name, fleet in small.fleets.items():
        assert large.fleets[name].machines >= fleet.machines
    assert large.partitions >= small.partitions


@given(rates, st.floats(min_value=1, max_value=600), st.floats(min_value=10, max_value=600))
def test_an_outage_is_made_up_for_in_time(rate: float, outage: float, recovery: float) -> None:
    load = Workload(hits_per_second=rate, outage_minutes=outage, recovery_minutes=recovery)
    made = plan(load, COST)
    assert 0 < made.catch_up_minutes <= recovery * 1.001
    assert made.partitions >= made.consumers.processes
    assert made.partitions % made.brokers.machines == 0


def test_no_outage_leaves_nothing_waiting() -> None:
    made = plan(replace(LOAD, outage_minutes=0), COST)
    assert made.catch_up_minutes == 0
    assert set(made.outage_bytes.values()) == {0}


@pytest.mark.parametrize(
    ("row", "value", "said"),
    [
        ("hits_per_second", 0, "--hits-per-second=0: more than 0"),
        ("utilisation", 1.5, "--utilisation=1.5: more than 0, at most 1"),
        ("replication", 0, "--replication=0: at least 1"),
        ("outage_minutes", -1, "--outage-minutes=-1: at least 0"),
    ],
)
def test_a_bad_workload_names_its_flag(row: str, value: float, said: str) -> None:
    with pytest.raises(BadWorkload, match=said):
        replace(LOAD, **{row: value})  # type: ignore[arg-type]


def test_every_cost_says_where_it_comes_from() -> None:
    for row in costs().values():
        assert row.kind in KINDS
        assert row.value > 0, row.name
        assert row.what, row.name
        assert row.source, row.name
    assert set(ROUND) == set(costs()), "the costs by hand are all there are"


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--hits-per-second", "1e6"]) == 0
    printed = capsys.readouterr().out
    for word in ("collectors", "brokers", "consumers", "ClickHouse nodes", "partitions", "PB"):
        assert word in printed
    for kind in KINDS:
        assert kind in printed
    assert not any(line.endswith(" ") for line in printed.splitlines())


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--hits-per-second", "1e7", "--replication", "3", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["workload"]["replication"] == 3
    assert made["stores"]["machines"] == made["shards"] * 3
    assert made["catch_up_minutes"] <= 60
    assert set(made["costs"]) == set(costs())


def test_the_command_refuses_what_it_can_not_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--hits-per-second", "-5"]) == 2
    assert "--hits-per-second=-5" in capsys.readouterr().err


def test_every_row_of_a_workload_is_a_flag_that_says_what_it_is() -> None:
    for row in fields(Workload):
        assert row.metadata["about"]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2e15, "2.0 PB")]
)
def test_sizes_are_for_people(count: float, said: str) -> None:
    assert size(count) == said
