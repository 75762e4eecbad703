"""The histogram against a sorted list, which is what it stands for."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from bench.histogram import PERCENTILES, VALUE_MAX, Histogram, bucket_of, upper_end

values = st.integers(min_value=0, max_value=VALUE_MAX)


def histogram_of(recorded: list[int]) -> Histogram:
    histogram = Histogram()
    for value in recorded:
        histogram.record(value)
    return histogram


@given(values)
def test_a_bucket_holds_its_value_and_is_narrow(value: int) -> None:
    end = upper_end(bucket_of(value))
    assert value <= end
    assert end - value <= value // 1_000


@given(st.integers(min_value=0, max_value=VALUE_MAX - 1))
def test_buckets_are_in_the_order_of_the_values(value: int) -> None:
    assert bucket_of(value + 1) - bucket_of(value) in (0, 1)


@given(st.lists(values, min_size=1, max_size=200), st.sampled_from(PERCENTILES))
def test_percentiles_are_those_of_the_sorted_values(recorded: list[int], percent: float) -> None:
    exact = sorted(recorded)[max(math.ceil(len(recorded) * percent / 100), 1) - 1]
    seen = histogram_of(recorded).percentile(percent)
    assert exact <= seen <= exact + exact // 1_000


@given(st.lists(values, max_size=50), st.lists(values, max_size=50))
def test_merging_is_recording_in_one(left: list[int], right: list[int]) -> None:
    merged = histogram_of(left)
    merged.merge(histogram_of(right))
    assert merged.encode() == histogram_of(left + right).encode()
    assert merged.total == len(left) + len(right)


@given(st.lists(values, max_size=50))
def test_it_survives_json(recorded: list[int]) -> None:
    histogram = histogram_of(recorded)
    decoded = Histogram.decode(json.loads(json.dumps(histogram.encode())))
    assert decoded.encode() == histogram.encode()
    assert decoded.total == histogram.total


def test_values_out_of_range_are_counted_at_its_ends() -> None:
    histogram = histogram_of([-5, VALUE_MAX * 4])
    assert (histogram.minimum, histogram.maximum) == (0, VALUE_MAX)
    assert histogram.percentile(100) == VALUE_MAX


def test_an_empty_one_has_no_latency() -> None:
    assert Histogram().percentile(99) == 0
