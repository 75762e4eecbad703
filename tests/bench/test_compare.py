"""Whether a difference is called real: on made-up runs whose truth is known."""

import random
from itertools import chain, islice
from math import exp

import pytest

from bench.compare import Interval, interval, order, verdict


def test_turns_are_a_b_b_a() -> None:
    assert list(chain.from_iterable(islice(order(8), 4))) == [0, 1, 1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(("truth", "real"), [(1.0, False), (0.95, True), (1.05, True)])
def test_a_difference_is_real_when_noise_does_not_explain_it(truth: float, real: bool) -> None:
    source = random.Random(4)
    ratios = [truth * exp(source.gauss(0, 0.02)) for _ in range(12)]
    seen = interval(ratios)
    assert seen.is_real is real
    assert seen.low < truth < seen.high


def test_the_interval_has_the_truth_in_it_nineteen_times_of_twenty() -> None:
    source = random.Random(5)
    runs = 2_000
    held = sum(
        1
        for _ in range(runs)
        if not interval([exp(source.gauss(0, 0.1)) for _ in range(6)]).is_real
    )
    assert 0.93 < held / runs < 0.97


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Interval(1.1, 1.05, 1.15), "real: this tree has 10.0 % more cost than abc"),
        (Interval(0.9, 0.85, 0.95), "real: this tree has 10.0 % less cost than abc"),
        (Interval(1.01, 0.99, 1.03), "No difference is seen: this tree's cost is -1.0 % to +3.0 %"),
    ],
)
def test_the_verdict_is_one_sentence(seen: Interval, said: str) -> None:
    assert said in verdict("cost", "abc", seen)
