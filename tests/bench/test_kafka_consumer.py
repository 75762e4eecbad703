"""The bench of the Kafka source, as far as it goes without a broker."""

from bench import gen, kafka_consumer, targets
from bench.peers import plain_consumer
from bench.samples import Run, Sample


def test_the_plain_way_has_a_value_for_every_column() -> None:
    for line in gen.lines(200, start_ms=1_795_500_000_000):
        assert len(plain_consumer.row(line)) == len(plain_consumer.CONVERTERS)


def test_the_table_has_a_row_for_each_way_and_its_median() -> None:
    run = Run("2026-11-24T00:00:00Z", "abc", "quick", {})
    names = [name for name, _, _ in kafka_consumer.TABLE]
    seen = [
        Sample(run, kafka_consumer.SCENARIO, peer, number, dict.fromkeys(names, float(number)))
        for number in range(3)
        for peer in (targets.OURS, kafka_consumer.PLAIN)
    ]
    rows = kafka_consumer.table(seen).splitlines()[2:]
    assert rows == [
        "| heliograph | 1 | 1 | 1.00 | 1 | 1 |",
        "| parse and insert | 1 | 1 | 1.00 | 1 | 1 |",
    ]
