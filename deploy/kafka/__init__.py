"""A real Apache Kafka (KRaft) on loopback ports, for development and tests; not for production."""
