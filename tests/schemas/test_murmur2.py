"""Partitions are those of Kafka's own clients."""

import uuid

import pytest
from aiokafka.partitioner import murmur2 as kafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.murmur2 import murmur2, partition_of, partitions_of

# Of the Java client's own test (UtilsTest.testMurmur2), as signed numbers.
JAVA = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "signed"), JAVA)
def test_hash_is_javas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@given(st.binary(max_size=80))
def test_hash_of_any_bytes(key: bytes) -> None:
    assert murmur2(key) == kafka_murmur2(key)


@given(st.lists(st.binary(min_size=36, max_size=36)), st.integers(1, 1000))
def test_keys_hashed_together_are_as_one_by_one(keys: list[bytes], count: int) -> None:
    expected = [(kafka_murmur2(key) & 0x7FFFFFFF) % count for key in keys]
    assert partitions_of(keys, count) == expected


@given(st.lists(st.binary(max_size=40)), st.integers(1, 100))
def test_keys_of_any_length(keys: list[bytes], count: int) -> None:
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


def test_a_large_batch() -> None:
    keys = [str(uuid.UUID(int=i * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128)).encode()
            for i in range(5000)]  # fmt: skip
    assert partitions_of(keys, 24) == [(kafka_murmur2(key) & 0x7FFFFFFF) % 24 for key in keys]
