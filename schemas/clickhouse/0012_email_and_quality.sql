-- Email by campaign. A message is one message to one recipient; machines are told apart, not left out.
-- Clicks are those of people: link scanners are not.
CREATE VIEW IF NOT EXISTS email_campaigns AS
SELECT
    site,
    campaign_id,
    countIf(event = 'Sent') AS sent,
    countIf(event = 'Open' AND opened_by = 'human') AS opens_human,
    countIf(event = 'Open' AND opened_by = 'machine') AS opens_machine,
    countIf(event = 'Open' AND opened_by NOT IN ('human', 'machine')) AS opens_unknown,
    uniqExactIf((message_id, recipient_id), event = 'Open' AND opened_by = 'human') AS opened_human,
    uniqExactIf((message_id, recipient_id), event = 'Open' AND opened_by != 'machine') AS opened,
    countIf(endpoint = 'click' AND is_person_hit) AS clicks,
    uniqExactIf((message_id, recipient_id), endpoint = 'click' AND is_person_hit) AS clicked,
    if(opened = 0, 0, clicked / opened) AS click_to_open,
    min(received_at) AS first_at,
    max(received_at) AS last_at
FROM hits
WHERE campaign_id != ''
GROUP BY site, campaign_id;
CREATE VIEW IF NOT EXISTS email_by_day AS
SELECT
    site,
    toDate(received_at) AS day,
    campaign_id,
    countIf(event = 'Sent') AS sent,
    countIf(event = 'Open' AND opened_by = 'human') AS opens_human,
    countIf(event = 'Open' AND opened_by = 'machine') AS opens_machine,
    countIf(event = 'Open' AND opened_by NOT IN ('human', 'machine')) AS opens_unknown,
    countIf(endpoint = 'click' AND is_person_hit) AS clicks
FROM hits
WHERE campaign_id != ''
GROUP BY site, day, campaign_id;
CREATE VIEW IF NOT EXISTS consent_by_day AS
SELECT
    site, day, consent, consent_source, consent_hits AS hits,
    hits / sum(consent_hits) OVER (PARTITION BY site, day) AS share
FROM
(
    SELECT site, toDate(received_at) AS day, consent, consent_source, count() AS consent_hits
    FROM hits
    GROUP BY site, day, consent, consent_source
);
CREATE VIEW IF NOT EXISTS bots_by_day AS
SELECT
    site,
    toDate(received_at) AS day,
    multiIf(bot != '', toString(bot), purpose != '', toString(purpose), opened_by = 'machine', 'machine open',
        is_person_hit = 0, 'user agent', 'person') AS kind,
    count() AS hits
FROM hits
GROUP BY site, day, kind;
CREATE VIEW IF NOT EXISTS problems_by_hour AS
SELECT
    site,
    toStartOfHour(received_at) AS hour,
    splitByString(': ', toString(one), 2)[1] AS member,
    splitByString(': ', toString(one), 2)[2] AS problem,
    count() AS hits
FROM hits
ARRAY JOIN problems AS one
GROUP BY site, hour, member, problem;
CREATE VIEW IF NOT EXISTS dead_letters_by_hour AS
SELECT
    toStartOfHour(inserted_at) AS hour,
    reason,
    count() AS letters,
    countIf(outcome = 'kept') AS replayed
FROM dead_letter_states
GROUP BY hour, reason;
CREATE VIEW IF NOT EXISTS clock_skew_by_hour AS
SELECT
    site,
    toStartOfHour(received_at) AS hour,
    count() AS hits,
    quantile(0.5)(skew_seconds) AS skew_seconds_median,
    quantile(0.95)(abs(skew_seconds)) AS skew_seconds_p95,
    countIf(abs(skew_seconds) > 60) AS over_a_minute
FROM
(
    SELECT site, received_at, dateDiff('millisecond', received_at, assumeNotNull(client_time)) / 1000 AS skew_seconds
    FROM hits
    WHERE isNotNull(client_time)
)
GROUP BY site, hour;
CREATE VIEW IF NOT EXISTS delivery_lag_by_minute AS
SELECT
    toStartOfMinute(received_at) AS minute,
    count() AS hits,
    quantile(0.5)(lag_ms) AS lag_ms_median,
    quantile(0.99)(lag_ms) AS lag_ms_p99,
    max(lag_ms) AS lag_ms_max
FROM (SELECT received_at, dateDiff('millisecond', received_at, inserted_at) AS lag_ms FROM hits)
GROUP BY minute;
