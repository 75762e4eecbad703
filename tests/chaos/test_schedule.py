"""The schedule of a seed: the same each time, in lanes, inside its time, and with every kind."""

import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.faults import MAKERS
from tests.chaos.schedule import GAPS, KINDS, schedule

seeds = st.integers(0, 10**9)


@given(seeds, st.floats(0, 600))
def test_a_seed_says_all(seed: int, seconds: float) -> None:
    faults = schedule(seed, seconds)
    assert faults == schedule(seed, seconds)
    for fault in faults:
        kind = KINDS[fault.kind]
        assert 0 <= fault.target < kind.targets
        assert kind.seconds_min <= fault.seconds <= kind.seconds_max
        assert fault.at + fault.seconds <= seconds + 0.02


@given(seeds)
def test_faults_of_one_lane_follow_one_another(seed: int) -> None:
    faults = schedule(seed, 300)
    for lane, (gap, _) in GAPS.items():
        mine = [fault for fault in faults if KINDS[fault.kind].lane == lane]
        for before, after in pairwise(mine):
            assert after.at >= before.at + before.seconds + gap - 0.02


@given(seeds)
def test_three_minutes_have_every_kind(seed: int) -> None:
    assert {fault.kind for fault in schedule(seed, 180)} == set(KINDS) == set(MAKERS)


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    assert list(schedule(7, 300))[:20] == list(schedule(7, 200))[:20]


def test_the_page_names_every_kind_in_its_lane() -> None:
    page = (Path(__file__).parents[2] / "docs/chaos.md").read_text()
    rows = dict(re.findall(r"^\| (\w+) \| (.+ · .+) \|$", page, re.M))
    assert {lane: row.split(" · ") for lane, row in rows.items()} == {
        lane: [name for name, kind in KINDS.items() if kind.lane == lane] for lane in GAPS
    }
