-- Hits of people by the hour, with states from which visitors and visits of any cut can be merged.
-- Exact under retries: a repeated block is dropped here by the same token as in hits, since the
-- consumer inserts with deduplicate_blocks_in_dependent_materialized_views. States hold hashes of persons
-- that nothing leads back from; these tables are kept when hits are deleted for their age.
CREATE TABLE IF NOT EXISTS traffic_rollup
(
    site           LowCardinality(String),
    hour           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    channel        LowCardinality(String),
    device_type    LowCardinality(String),
    hits           SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    page_views     SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    visitors_state AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1)),
    visits_state   AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, channel, device_type)
SETTINGS non_replicated_deduplication_window = 100000,
         replicated_deduplication_window = 100000,
         replicated_deduplication_window_seconds = 2592000;
CREATE MATERIALIZED VIEW IF NOT EXISTS traffic_rollup_view TO traffic_rollup AS
SELECT
    site,
    toStartOfHour(received_at) AS hour,
    channel,
    device_type,
    count() AS hits,
    countIf(event = 'PageView') AS page_views,
    uniqCombined64StateIf(14)(person_key, person_key != 0) AS visitors_state,
    uniqCombined64StateIf(14)(cityHash64(assumeNotNull(session_id)), isNotNull(session_id)) AS visits_state
FROM hits
WHERE is_person_hit = 1
GROUP BY site, hour, channel, device_type;
CREATE TABLE IF NOT EXISTS pages_rollup
(
    site           LowCardinality(String),
    hour           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    host           LowCardinality(String),
    path           String CODEC(ZSTD(1)),
    page_views     SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    visitors_state AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, host, path)
SETTINGS non_replicated_deduplication_window = 100000,
         replicated_deduplication_window = 100000,
         replicated_deduplication_window_seconds = 2592000;
CREATE MATERIALIZED VIEW IF NOT EXISTS pages_rollup_view TO pages_rollup AS
SELECT
    site,
    toStartOfHour(received_at) AS hour,
    host,
    path,
    count() AS page_views,
    uniqCombined64StateIf(14)(person_key, person_key != 0) AS visitors_state
FROM hits
WHERE is_person_hit = 1 AND event = 'PageView'
GROUP BY site, hour, host, path;
CREATE VIEW IF NOT EXISTS traffic_by_minute AS
SELECT
    site,
    toStartOfMinute(received_at) AS minute,
    count() AS hits,
    countIf(event = 'PageView') AS page_views,
    uniqCombined64If(14)(person_key, person_key != 0) AS visitors,
    uniqCombined64If(14)(cityHash64(assumeNotNull(session_id)), isNotNull(session_id)) AS visits
FROM people_hits
GROUP BY site, minute;
CREATE VIEW IF NOT EXISTS traffic_by_hour AS
SELECT
    site, hour,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, hour;
CREATE VIEW IF NOT EXISTS traffic_by_day AS
SELECT
    site, toDate(hour) AS day,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, day;
CREATE VIEW IF NOT EXISTS channels_by_hour AS
SELECT
    site, hour, channel,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, hour, channel;
CREATE VIEW IF NOT EXISTS channels_by_day AS
SELECT
    site, toDate(hour) AS day, channel,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, day, channel;
CREATE VIEW IF NOT EXISTS devices_by_hour AS
SELECT
    site, hour, device_type,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, hour, device_type;
CREATE VIEW IF NOT EXISTS devices_by_day AS
SELECT
    site, toDate(hour) AS day, device_type,
    sum(hits) AS hits, sum(page_views) AS page_views,
    uniqCombined64Merge(14)(visitors_state) AS visitors, uniqCombined64Merge(14)(visits_state) AS visits
FROM traffic_rollup
GROUP BY site, day, device_type;
CREATE VIEW IF NOT EXISTS pages_by_hour AS
SELECT
    site, hour, host, path,
    sum(page_views) AS page_views, uniqCombined64Merge(14)(visitors_state) AS visitors
FROM pages_rollup
GROUP BY site, hour, host, path;
CREATE VIEW IF NOT EXISTS pages_by_day AS
SELECT
    site, toDate(hour) AS day, host, path,
    sum(page_views) AS page_views, uniqCombined64Merge(14)(visitors_state) AS visitors
FROM pages_rollup
GROUP BY site, day, host, path;
CREATE VIEW IF NOT EXISTS browsers_by_day AS
SELECT
    site, day, agents.browser AS browser, agents.browser_major AS browser_major, agents.os AS os, device_type,
    sum(agent_hits) AS hits, uniqCombined64Merge(14)(visitors_state) AS visitors
FROM
(
    SELECT
        site, toDate(received_at) AS day, toString(user_agent) AS user_agent,
        toString(client_hints) AS client_hints, device_type, count() AS agent_hits,
        uniqCombined64StateIf(14)(person_key, person_key != 0) AS visitors_state
    FROM people_hits
    GROUP BY site, day, user_agent, client_hints, device_type
) AS counted
LEFT ANY JOIN
(
    SELECT user_agent, client_hints, browser, browser_major, os FROM user_agents FINAL
) AS agents ON counted.user_agent = agents.user_agent AND counted.client_hints = agents.client_hints
GROUP BY site, day, browser, browser_major, os, device_type;
CREATE VIEW IF NOT EXISTS countries_by_day AS
SELECT
    site, toDate(received_at) AS day, country, count() AS hits,
    uniqCombined64If(14)(person_key, person_key != 0) AS visitors
FROM people_hits
GROUP BY site, day, country;
CREATE VIEW IF NOT EXISTS events_by_hour AS
SELECT
    site, toStartOfHour(received_at) AS hour, event, count() AS hits,
    uniqCombined64If(14)(person_key, person_key != 0) AS visitors
FROM people_hits
GROUP BY site, hour, event;
