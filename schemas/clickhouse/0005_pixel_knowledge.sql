-- What a pixel knows beyond the page: the visit, clicks, email, hashed contacts, bots, API callers.
ALTER TABLE hits
    ADD COLUMN IF NOT EXISTS visitor_kind LowCardinality(String) AFTER consent_source,
    ADD COLUMN IF NOT EXISTS session_id Nullable(UUID) CODEC(ZSTD(1)) AFTER visitor_kind,
    ADD COLUMN IF NOT EXISTS link_url String CODEC(ZSTD(1)) AFTER session_id,
    ADD COLUMN IF NOT EXISTS sent_at Nullable(DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)) AFTER link_url,
    ADD COLUMN IF NOT EXISTS email_hash String CODEC(ZSTD(1)) AFTER sent_at,
    ADD COLUMN IF NOT EXISTS phone_hash String CODEC(ZSTD(1)) AFTER email_hash,
    ADD COLUMN IF NOT EXISTS client_hints LowCardinality(String) AFTER phone_hash,
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String) AFTER client_hints,
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String) AFTER bot,
    ADD COLUMN IF NOT EXISTS opened_by LowCardinality(String) AFTER purpose,
    ADD COLUMN IF NOT EXISTS opened_by_reason LowCardinality(String) AFTER opened_by,
    ADD COLUMN IF NOT EXISTS api_key LowCardinality(String) AFTER opened_by_reason;
ALTER TABLE hits_check
    ADD COLUMN IF NOT EXISTS visitor_kind LowCardinality(String) AFTER consent_source,
    ADD COLUMN IF NOT EXISTS session_id Nullable(UUID) AFTER visitor_kind,
    ADD COLUMN IF NOT EXISTS link_url String AFTER session_id,
    ADD COLUMN IF NOT EXISTS sent_at Nullable(DateTime64(3, 'UTC')) AFTER link_url,
    ADD COLUMN IF NOT EXISTS email_hash String AFTER sent_at,
    ADD COLUMN IF NOT EXISTS phone_hash String AFTER email_hash,
    ADD COLUMN IF NOT EXISTS client_hints LowCardinality(String) AFTER phone_hash,
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String) AFTER client_hints,
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String) AFTER bot,
    ADD COLUMN IF NOT EXISTS opened_by LowCardinality(String) AFTER purpose,
    ADD COLUMN IF NOT EXISTS opened_by_reason LowCardinality(String) AFTER opened_by,
    ADD COLUMN IF NOT EXISTS api_key LowCardinality(String) AFTER opened_by_reason;
