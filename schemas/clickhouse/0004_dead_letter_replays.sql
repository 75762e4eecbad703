-- What became of dead letters that were put through again; rows are only added, as to dead_letters.
-- outcome: `kept` (the hit is in hits) or `refused` (for `reason`); edited: a person's line went in.
CREATE TABLE IF NOT EXISTS dead_letter_replays
(
    source      LowCardinality(String),
    position    UInt64 CODEC(Delta, ZSTD(1)),
    outcome     LowCardinality(String),
    reason      String CODEC(ZSTD(1)),
    edited      Bool,
    replayed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (source, position)
SETTINGS non_replicated_deduplication_window = 1000,
         replicated_deduplication_window = 1000;
-- Each dead letter with its newest reason; `outcome` is empty for one that was never replayed.
CREATE VIEW IF NOT EXISTS dead_letter_states AS
SELECT
    letters.source AS source,
    letters.position AS position,
    if(replays.outcome = 'refused', replays.last_reason, letters.reason) AS reason,
    letters.raw AS raw,
    letters.inserted_at AS inserted_at,
    replays.outcome AS outcome,
    replays.replays AS replays,
    replays.last_at AS replayed_at
FROM dead_letters AS letters
LEFT JOIN
(
    SELECT
        source,
        position,
        if(countIf(outcome = 'kept') > 0, 'kept', 'refused') AS outcome,
        argMax(reason, replayed_at) AS last_reason,
        max(replayed_at) AS last_at,
        count() AS replays
    FROM dead_letter_replays
    GROUP BY source, position
) AS replays ON letters.source = replays.source AND letters.position = replays.position;
