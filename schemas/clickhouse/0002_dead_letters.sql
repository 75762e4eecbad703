-- Lines that the store refused, whole, with where they came from and why; `heliograph dead-letters`.
-- Not partitioned: a block is known by its token within a partition, and the time of an insert that
-- is repeated in another month would put it into another one.
CREATE TABLE IF NOT EXISTS dead_letters
(
    source      LowCardinality(String),
    position    UInt64 CODEC(Delta, ZSTD(1)),
    reason      String CODEC(ZSTD(1)),
    raw         String CODEC(ZSTD(3)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (source, position)
SETTINGS non_replicated_deduplication_window = 100000,
         replicated_deduplication_window = 100000,
         replicated_deduplication_window_seconds = 2592000;
