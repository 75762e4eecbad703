-- One row per hit. Columns mirror schemas/hit.py (a test compares them); inserted_at is the store's own.
-- Sorted for questions about one site over a time range, then by event within the hour.
-- non_replicated_deduplication_window: the consumer replays a batch with the same token after a
-- crash, however long the outage; the window counts blocks, so it must exceed all blocks that can
-- be inserted between the first try and the replay (by every journal or partition together). The
-- replicated_ settings say the same for a replicated table.
CREATE TABLE IF NOT EXISTS hits
(
    id             UUID,
    received_at    DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    endpoint       LowCardinality(String),
    method         LowCardinality(String),
    site           LowCardinality(String),
    event          LowCardinality(String),
    event_id       String CODEC(ZSTD(1)),
    url            String CODEC(ZSTD(1)),
    referrer       String CODEC(ZSTD(1)),
    value          Nullable(Decimal(18, 4)) CODEC(ZSTD(1)),
    currency       LowCardinality(String),
    client_time    Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    visitor_id     Nullable(UUID) CODEC(ZSTD(1)),
    user_id        String CODEC(ZSTD(1)),
    campaign_id    LowCardinality(String),
    message_id     String CODEC(ZSTD(1)),
    recipient_id   String CODEC(ZSTD(1)),
    ip             IPv6 CODEC(ZSTD(1)),
    user_agent     LowCardinality(String),
    language       LowCardinality(String),
    consent        LowCardinality(String),
    consent_source LowCardinality(String),
    properties     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    problems       Array(LowCardinality(String)),
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, toStartOfHour(received_at), event, received_at)
SETTINGS non_replicated_deduplication_window = 100000,
         replicated_deduplication_window = 100000,
         replicated_deduplication_window_seconds = 2592000;
