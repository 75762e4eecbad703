-- What can be told from a hit, written at its insert: of its URL and referrer, here; what rules decide
-- (channel, device, bot) gets its expression from schemas/enrichment after the migrations
-- (consumer/enrich.py), since rules change and a migration does not. MATERIALIZED: not in `*`, and no
-- line can set them. None of the expressions raises, whatever the text.
-- Who it was is computed when it is read: it is personal, and erased with the columns it is made of.
ALTER TABLE hits
    ADD COLUMN IF NOT EXISTS host LowCardinality(String) MATERIALIZED domainWithoutWWW(lower(url)),
    ADD COLUMN IF NOT EXISTS path String MATERIALIZED path(url) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS referrer_host LowCardinality(String) MATERIALIZED domainWithoutWWW(lower(referrer)),
    ADD COLUMN IF NOT EXISTS utm_source LowCardinality(String)
        MATERIALIZED decodeURLFormComponent(extractURLParameter(url, 'utm_source')),
    ADD COLUMN IF NOT EXISTS utm_medium LowCardinality(String)
        MATERIALIZED decodeURLFormComponent(extractURLParameter(url, 'utm_medium')),
    ADD COLUMN IF NOT EXISTS utm_campaign LowCardinality(String)
        MATERIALIZED decodeURLFormComponent(extractURLParameter(url, 'utm_campaign')),
    ADD COLUMN IF NOT EXISTS utm_term String ALIAS decodeURLFormComponent(extractURLParameter(url, 'utm_term')),
    ADD COLUMN IF NOT EXISTS utm_content String ALIAS decodeURLFormComponent(extractURLParameter(url, 'utm_content')),
    ADD COLUMN IF NOT EXISTS utm_id String ALIAS decodeURLFormComponent(extractURLParameter(url, 'utm_id')),
    ADD COLUMN IF NOT EXISTS click_id_kind LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS click_id String ALIAS '',
    ADD COLUMN IF NOT EXISTS source_entry LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS medium LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS channel LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS device_type LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS is_person_hit UInt8 MATERIALIZED 1,
    ADD COLUMN IF NOT EXISTS country LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS region LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS asn UInt32 MATERIALIZED 0,
    ADD COLUMN IF NOT EXISTS network LowCardinality(String) MATERIALIZED '',
    ADD COLUMN IF NOT EXISTS person String ALIAS if(isNull(visitor_id), user_id, toString(visitor_id)),
    ADD COLUMN IF NOT EXISTS person_key UInt64
        ALIAS multiIf(isNotNull(visitor_id), cityHash64(visitor_id), user_id != '', cityHash64(user_id), 0);
-- What is known of each user agent: one row, parsed once, by `heliograph enrich` and the consumer.
CREATE TABLE IF NOT EXISTS user_agents
(
    user_agent    String,
    client_hints  String,
    browser       LowCardinality(String),
    browser_major LowCardinality(String),
    os            LowCardinality(String),
    os_major      LowCardinality(String),
    device_brand  LowCardinality(String),
    device_model  LowCardinality(String),
    is_spider     UInt8,
    rules         LowCardinality(String),
    parsed_at     DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(parsed_at)
ORDER BY (user_agent, client_hints);
-- Which user agents there are, kept by each insert, so that finding new ones reads no hits.
CREATE TABLE IF NOT EXISTS user_agents_seen
(
    user_agent   String,
    client_hints String
)
ENGINE = ReplacingMergeTree
ORDER BY (user_agent, client_hints)
SETTINGS non_replicated_deduplication_window = 100000,
         replicated_deduplication_window = 100000,
         replicated_deduplication_window_seconds = 2592000;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_agents_seen_view TO user_agents_seen AS
SELECT DISTINCT toString(user_agent) AS user_agent, toString(client_hints) AS client_hints FROM hits;
