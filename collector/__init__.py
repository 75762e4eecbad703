"""HTTP requests to journal lines, and journal lines to Kafka. Knows nothing of ClickHouse."""
