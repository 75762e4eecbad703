-- Audiences, as `heliograph audiences run` made them: who was in one at a time, and how many they were.
-- A snapshot counts once its row in audience_snapshots is there; that one is written last. Members are
-- kept for 30 days, sizes for ever. Replacing: a run that is repeated adds nothing.
CREATE TABLE IF NOT EXISTS audience_members
(
    audience    LowCardinality(String),
    snapshot_at DateTime('UTC'),
    site        LowCardinality(String),
    person      String,
    visitor_id  Nullable(UUID),
    user_id     String,
    email_hash  String,
    phone_hash  String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(snapshot_at)
ORDER BY (audience, snapshot_at, person)
TTL snapshot_at + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 1000,
         replicated_deduplication_window = 1000;
CREATE TABLE IF NOT EXISTS audience_snapshots
(
    audience    LowCardinality(String),
    snapshot_at DateTime('UTC'),
    site        LowCardinality(String),
    members     UInt64,
    with_email  UInt64,
    definition  String,
    made_at     DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(made_at)
ORDER BY (audience, snapshot_at)
SETTINGS non_replicated_deduplication_window = 1000,
         replicated_deduplication_window = 1000;
-- Size over time: one row for each audience and snapshot.
CREATE VIEW IF NOT EXISTS audience_sizes AS
SELECT audience, snapshot_at, site, members, with_email, definition FROM audience_snapshots FINAL;
-- Who is in each audience by its newest snapshot.
CREATE VIEW IF NOT EXISTS audience_newest AS
SELECT DISTINCT audience, snapshot_at, site, person, visitor_id, user_id, email_hash, phone_hash
FROM audience_members
WHERE (audience, snapshot_at) IN (SELECT audience, max(snapshot_at) FROM audience_snapshots GROUP BY audience);
