"""The simulation where theory knows the answer, and its promises where it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulation import (
    KAFKA,
    STORE,
    Pipeline,
    Worker,
    fitted,
    fleet_latency,
    latency,
    outage,
    shares,
)

QUIET = Worker(turn_us=0, hit_us=10, way_us=0, stall_us=1, stalls_per_second=0)


def test_steady_arrivals_below_saturation_never_wait() -> None:
    seen = latency(QUIET, 90_000, 10_000, seed=1, poisson=False)
    assert seen.minimum == pytest.approx(10_000, abs=2)
    assert seen.maximum == pytest.approx(10_000, abs=2)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9])
def test_random_arrivals_wait_as_queueing_theory_says(load: float) -> None:
    """A turn of one hit, M/D/1: half of Pollaczek and Khinchine's wait, all of the turn.

    Hits that come during a turn are answered by the next one together, so the mean is above
    M/D/1's, by no more than the turn's last hit waits for.
    """
    seen = latency(QUIET, load * 100_000, 200_000, seed=2, poisson=True)
    m_d_1_us = 10 + 10 * load / (2 * (1 - load))
    p50_us = seen.percentile(50) / 1e3
    assert 10 <= p50_us <= 2.5 * m_d_1_us
    if load < 0.5:
        assert p50_us < 1.6 * m_d_1_us


def test_a_stall_is_as_long_as_it_is() -> None:
    still = Worker(turn_us=0, hit_us=1, way_us=0, stall_us=1_000, stalls_per_second=20)
    seen = latency(still, 20_000, 400_000, seed=3, poisson=False)
    # 20 a second of a millisecond: two arrivals of a hundred meet one, half of them early in it.
    assert seen.percentile(99) / 1e3 == pytest.approx(500, rel=0.2)
    assert seen.percentile(99.9) / 1e3 == pytest.approx(950, rel=0.1)
    assert seen.maximum / 1e3 == pytest.approx(1_000, rel=0.05)


def test_what_was_measured_at_a_low_load_comes_out_again() -> None:
    worker = fitted(100_000, 0.25, cpu_us=14, p50_us=30, p99_us=900, p99_9_us=3_500)
    assert worker.hits_per_second_max == pytest.approx(100_000)
    seen = latency(worker, 25_000, 400_000, seed=4, poisson=False)
    assert seen.percentile(50) / 1e3 == pytest.approx(30, rel=0.1)
    assert seen.percentile(99) / 1e3 == pytest.approx(900, rel=0.4)
    assert seen.percentile(99.9) / 1e3 == pytest.approx(3_500, rel=0.3)


def test_few_connections_are_spread_badly() -> None:
    few, many = max(shares(50, 200, seed=5)), max(shares(50, 50_000, seed=5))
    assert sum(shares(50, 200, seed=5)) == pytest.approx(50)
    assert few > 1.5
    assert many < 1.2
    worker = Worker(turn_us=5, hit_us=10, way_us=0, stall_us=1, stalls_per_second=0)
    even = fleet_latency(worker, 0.5, [1.0] * 4, 20_000, seed=6).percentile(99)
    uneven = fleet_latency(worker, 0.5, [1.8, 0.6, 0.8, 0.8], 20_000, seed=6).percentile(99)
    assert uneven > even


@settings(max_examples=30, deadline=None)
@given(
    rate=st.floats(10, 1e7),
    spare=st.floats(1.5, 4),
    away_seconds=st.integers(10, 900),
    away=st.sampled_from([KAFKA, STORE]),
)
def test_an_outage_is_made_up_for_as_fast_as_the_spare_part_allows(
    rate: float, spare: float, away_seconds: int, away: str
) -> None:
    pipeline = Pipeline(rate * spare, rate * spare)
    seen = outage(pipeline, rate, away_seconds, away, seed=7)
    caught_up = seen[-1].at - away_seconds
    assert caught_up == pytest.approx(away_seconds / (spare - 1), rel=0.15, abs=5)
    waiting = max(second.in_journals + second.in_kafka for second in seen)
    assert waiting == pytest.approx(rate * away_seconds, rel=0.15)
    assert max(second.age_seconds for second in seen) == pytest.approx(away_seconds, rel=0.1, abs=5)
    where = "in_journals" if away == KAFKA else "in_kafka"
    assert getattr(seen[away_seconds - 1], where) > 0.85 * rate * away_seconds


def test_the_same_seed_gives_the_same_outage() -> None:
    pipeline = Pipeline(3.0, 2.0)
    assert outage(pipeline, 1.0, 60, KAFKA, 1) == outage(pipeline, 1.0, 60, KAFKA, 1)


def test_a_pipeline_that_is_too_slow_is_said() -> None:
    with pytest.raises(ValueError, match="slower than what comes"):
        outage(Pipeline(1.0, 1.0), 2.0, 60, KAFKA, seed=1)
