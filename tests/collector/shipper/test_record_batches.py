"""Lines into record batches: partition, key, time, order, and what is too long or damaged."""

from collections.abc import Sequence

from collector.record_batches import BatchBuilder, RecordBatches
from schemas.kafka_record import key_of
from schemas.limits import LINE_BYTES_MAX
from schemas.murmur2 import partition_of
from tests.support.hits import START_MS, lines

NOW_MS = 42


class Builder:
    """A record batch that takes `room` records."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.closed = False
        self.records: list[tuple[int, bytes | None, bytes]] = []

    def append(self, *, timestamp: int, key: bytes | None, value: bytes) -> object | None:
        assert not self.closed
        if len(self.records) == self.room:
            return None
        self.records.append((timestamp, key, value))
        return self

    def close(self) -> None:
        self.closed = True

    def size(self) -> int:
        return sum(len(value) for _, _, value in self.records)


def build(
    given: Sequence[bytes], partitions: int = 4, room: int = 1000
) -> tuple[RecordBatches, list[tuple[int, Builder]]]:
    made: list[Builder] = []

    def create() -> BatchBuilder:
        made.append(Builder(room))
        return made[-1]

    batches = RecordBatches(partitions, create_batch=create, clock_ms=lambda: NOW_MS)
    batches.add(given)
    batches.finish()
    found = [(partition, batch) for partition, batch in batches.sendable]
    assert all(isinstance(batch, Builder) and batch.closed for _, batch in found)
    return batches, found  # type: ignore[return-value]


def stripped(count: int) -> list[bytes]:
    return [line.rstrip(b"\n") for line in lines(range(count))]


def test_every_line_is_one_record_in_the_partition_of_its_key() -> None:
    given = stripped(200)
    _, found = build(given)
    records = [(partition, *record) for partition, batch in found for record in batch.records]
    assert sorted(value for *_, value in records) == sorted(given)
    for partition, timestamp, key, value in records:
        assert key == key_of(value)
        assert key is not None
        assert partition == partition_of(key, 4)
        assert timestamp == START_MS + given.index(value)


def test_full_batches_follow_one_another_in_order() -> None:
    given = stripped(200)
    _, found = build(given, partitions=1, room=30)
    assert [len(batch.records) for _, batch in found] == [30] * 6 + [20]
    assert [value for _, batch in found for _, _, value in batch.records] == given


def test_damage_has_no_key_and_the_time_it_was_found() -> None:
    batches, found = build([b"\0" * 100, *stripped(3)])
    damaged = [r for p, batch in found if p == 0 for r in batch.records if r[1] is None]
    assert damaged == [(NOW_MS, None, b"\0" * 100)]
    assert batches.damaged == 1
    assert sum(len(batch.records) for _, batch in found) == 4


def test_what_is_too_long_for_a_line_is_cut_and_nothing_of_it_is_left_out() -> None:
    long = bytes(2 * LINE_BYTES_MAX + 5)
    batches, found = build([long])
    pieces = [value for _, batch in found for _, _, value in batch.records]
    assert [len(piece) for piece in pieces] == [LINE_BYTES_MAX, LINE_BYTES_MAX, 5]
    assert batches.damaged == 3


def test_nothing_is_no_batch() -> None:
    _, found = build([])
    assert found == []
