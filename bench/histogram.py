"""A mergeable latency histogram in HdrHistogram's layout: log-linear, three significant digits.

Values below 2,048 have a bucket each; above, every doubling of the value is cut into 1,024 buckets,
so a bucket is never wider than a thousandth of what it holds. Counts add, so the histograms of
several load generators merge without loss. Values are nanoseconds by use, integers by contract.
Knows nothing of clocks or requests: whether a latency counts from the intended or from the actual
send time is decided by whoever records it.
"""

from collections.abc import Iterator, Mapping

PRECISION_BITS = 11
_HALF_BITS = PRECISION_BITS - 1
VALUE_MAX = (1 << 42) - 1  # 73 minutes in nanoseconds; larger values are counted there
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)


class Histogram:
    """Counts by bucket, with the exact minimum and maximum beside them."""

    __slots__ = ("_counts", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._counts = [0] * (bucket_of(VALUE_MAX) + 1)
        self.total = 0
        self.minimum = VALUE_MAX
        self.maximum = 0

    def record(self, value: int, count: int = 1) -> None:
        """Count a value; negative ones are 0 and those past `VALUE_MAX` are `VALUE_MAX`."""
        value = min(max(value, 0), VALUE_MAX)
        self._counts[bucket_of(value)] += count
        self.total += count
        if value > self.maximum:
            self.maximum = value
        if value < self.minimum:
            self.minimum = value

    def merge(self, other: "Histogram") -> None:
        """Add everything another histogram counted."""
        for bucket, count in other._filled():
            self._counts[bucket] += count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def percentile(self, percent: float) -> int:
        """Return the least value that `percent` of the counted ones do not exceed; 0 if empty.

        The answer is the upper end of a bucket, so it is never below the true one and at most a
        thousandth above it.
        """
        wanted = self.total * percent / 100
        seen = 0
        for bucket, count in self._filled():
            seen += count
            if seen >= wanted:
                return min(upper_end(bucket), self.maximum)
        return self.maximum

    def encode(self) -> dict[str, object]:
        """Return it as plain JSON values, empty buckets left out."""
        buckets = {str(bucket): count for bucket, count in self._filled()}
        return {"minimum": self.minimum, "maximum": self.maximum, "buckets": buckets}

    @classmethod
    def decode(cls, encoded: Mapping[str, object]) -> "Histogram":
        """Read what `encode` returned."""
        minimum, maximum, buckets = (encoded[key] for key in ("minimum", "maximum", "buckets"))
        assert isinstance(minimum, int)
        assert isinstance(maximum, int)
        assert isinstance(buckets, dict)
        self = cls()
        for bucket, count in buckets.items():
            self._counts[int(bucket)] = count
        self.total = sum(buckets.values())
        self.minimum, self.maximum = minimum, maximum
        return self

    def _filled(self) -> Iterator[tuple[int, int]]:
        return ((bucket, count) for bucket, count in enumerate(self._counts) if count)


def bucket_of(value: int) -> int:
    """Return the bucket that counts a value in [0, VALUE_MAX]."""
    shift = value.bit_length() - PRECISION_BITS
    if shift <= 0:
        return value
    return (shift << _HALF_BITS) + (value >> shift)


def upper_end(bucket: int) -> int:
    """Return the largest value a bucket counts."""
    shift = max((bucket >> _HALF_BITS) - 1, 0)
    return ((bucket - (shift << _HALF_BITS) + 1) << shift) - 1
