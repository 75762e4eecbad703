"""Journal or Kafka to ClickHouse. Knows nothing of HTTP requests of visitors."""
