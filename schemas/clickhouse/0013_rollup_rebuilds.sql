-- Hours of the rollups that count hits which a person had erased (`heliograph person erase`). A row is
-- here from before the hits go until the hour is rebuilt, so that a kill in between is made good by the
-- next run. Rows are deleted then; none of them says whose hits they were.
CREATE TABLE IF NOT EXISTS rollup_rebuilds
(
    site     String,
    hour     DateTime('UTC'),
    asked_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (site, hour)
SETTINGS non_replicated_deduplication_window = 1000,
         replicated_deduplication_window = 1000;
