"""The same questions asked of DuckDB, in other SQL: windows and joins where views fold arrays.

Takes from ClickHouse what one hit says (`EXPORT`), nothing that is counted over hits.
"""

from pathlib import Path

import duckdb

EXPORT = """SELECT id, toUnixTimestamp64Milli(received_at) AS t, site, endpoint, event, event_id,
    toString(visitor_id) AS visitor, user_id, toString(session_id) AS session_id,
    toString(value) AS value, currency, bot, purpose, opened_by, channel, source, medium,
    utm_campaign AS campaign, click_id_kind, click_id, device_type, host, path
FROM hits_enriched"""

PREPARE = """
CREATE TABLE hits AS SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{
    id: 'VARCHAR', t: 'BIGINT', site: 'VARCHAR', endpoint: 'VARCHAR', event: 'VARCHAR',
    event_id: 'VARCHAR', visitor: 'VARCHAR', user_id: 'VARCHAR', session_id: 'VARCHAR',
    value: 'DECIMAL(18, 4)', currency: 'VARCHAR', bot: 'VARCHAR', purpose: 'VARCHAR',
    opened_by: 'VARCHAR', channel: 'VARCHAR', source: 'VARCHAR', medium: 'VARCHAR',
    campaign: 'VARCHAR', click_id_kind: 'VARCHAR', click_id: 'VARCHAR', device_type: 'VARCHAR',
    host: 'VARCHAR', path: 'VARCHAR'}});
CREATE TABLE people AS SELECT *, coalesce(visitor, user_id) AS person
FROM hits WHERE bot = '' AND purpose = '' AND opened_by != 'machine' AND device_type != 'bot';

CREATE TABLE sessions AS
WITH seen AS (
    SELECT * FROM people
    WHERE event NOT IN ('Open', 'Sent') AND (endpoint != 'api' OR session_id IS NOT NULL)
        AND (person != '' OR session_id IS NOT NULL)
), gaps AS (
    SELECT *, coalesce(t - lag(t) OVER (
        PARTITION BY site, person ORDER BY t, id) > 1800000, true) AS begins
    FROM seen WHERE session_id IS NULL
), numbered AS (
    SELECT *, CAST(sum(begins::INT) OVER (PARTITION BY site, person ORDER BY t, id) AS VARCHAR)
        AS visit
    FROM gaps
), known AS (
    SELECT * EXCLUDE (begins) FROM numbered
    UNION ALL SELECT *, session_id AS visit FROM seen WHERE session_id IS NOT NULL
), ordered AS (
    SELECT *, row_number() OVER (PARTITION BY site, person, visit ORDER BY t, id) AS number,
        row_number() OVER (PARTITION BY site, person, visit ORDER BY t DESC, id DESC)
            AS number_back,
        row_number() OVER (PARTITION BY site, person, visit,
            channel NOT IN ('Internal', 'Direct') ORDER BY t, id) AS number_arrival
    FROM known
)
SELECT site, person, visit, min(t) AS started, max(t) AS ended, count(*) AS hits,
    count(*) FILTER (event = 'PageView') AS page_views,
    max(path) FILTER (number = 1) AS entry_path, max(path) FILTER (number_back = 1) AS exit_path,
    coalesce(max(channel) FILTER (number_arrival = 1 AND channel NOT IN ('Internal', 'Direct')),
        'Direct') AS channel,
    coalesce(max(source) FILTER (number_arrival = 1 AND channel NOT IN ('Internal', 'Direct')),
        '(direct)') AS source,
    coalesce(max(campaign) FILTER (number_arrival = 1 AND channel NOT IN ('Internal', 'Direct')),
        '') AS campaign,
    coalesce(max(click_id) FILTER (number_arrival = 1 AND channel NOT IN ('Internal', 'Direct')),
        '') AS click_id
FROM ordered GROUP BY site, person, visit;

-- A copy within 48 hours of the first opens nothing: follow from each first hit to the next one.
CREATE TABLE firsts AS
WITH RECURSIVE counted AS (
    SELECT site, event, event_id, CASE WHEN event_id = '' THEN id ELSE '' END AS alone, t, id
    FROM people WHERE event IN ('Purchase', 'Lead')
), chain AS (
    SELECT site, event, event_id, alone, min(t) AS t FROM counted GROUP BY ALL
    UNION ALL
    SELECT site, event, event_id, alone, min(t) FROM (
        SELECT counted.*, chain.t AS before FROM chain
        JOIN counted USING (site, event, event_id, alone) WHERE counted.t > chain.t + 172800000
    ) GROUP BY site, event, event_id, alone, before
)
SELECT * FROM chain;
CREATE TABLE conversions AS
WITH users AS (
    SELECT site, user_id, max_by(visitor, t) AS visitor FROM hits
    WHERE user_id != '' AND visitor IS NOT NULL GROUP BY ALL
), copies AS (
    SELECT firsts.t AS first, people.*
    FROM firsts JOIN people ON people.site = firsts.site AND people.event = firsts.event
        AND people.event_id = firsts.event_id AND (firsts.alone = '' OR firsts.alone = people.id)
        AND people.t BETWEEN firsts.t AND firsts.t + 172800000
), merged AS (
    SELECT site, event, event_id, first AS converted, min_by(id, (t, id)) AS conversion_id,
        min_by(visitor, t) FILTER (visitor IS NOT NULL) AS visitor, max(user_id) AS user_id,
        coalesce(min_by(value, t) FILTER (endpoint = 'api' AND value IS NOT NULL),
            min_by(value, t) FILTER (value IS NOT NULL), 0) AS value,
        max(currency) AS currency, count(*) AS copies,
        bool_or(endpoint != 'api')::INT AS from_browser,
        bool_or(endpoint = 'api')::INT AS from_server
    FROM copies
    GROUP BY site, event, event_id, first, CASE WHEN event_id = '' THEN id ELSE '' END
)
SELECT merged.* EXCLUDE (visitor),
    coalesce(merged.visitor, users.visitor, merged.user_id) AS person
FROM merged LEFT JOIN users USING (site, user_id);
"""

# Arguments: since and until in ms, the look-back in days.
ATTRIBUTION = """
WITH touched AS (
    SELECT c.site, c.conversion_id, c.converted, c.value, s.started, s.channel, s.source,
        s.campaign,
        row_number() OVER w AS i, count(*) OVER (PARTITION BY c.conversion_id) AS n,
        max(CASE WHEN s.channel != 'Direct' THEN s.started END)
            OVER (PARTITION BY c.conversion_id) AS last_paid,
        pow(2, -(c.converted - s.started) / (7 * 86400000.0)) AS decayed
    FROM conversions c JOIN sessions s ON s.site = c.site AND s.person = c.person AND c.person != ''
        AND s.started <= c.converted AND s.started >= c.converted - $3::BIGINT * 86400000
    WHERE c.converted >= $1 AND c.converted < $2
    WINDOW w AS (PARTITION BY c.conversion_id ORDER BY s.started)
), weighed AS (
    SELECT *, unnest([
        {model: 'first_touch', weight: (i = 1)::DOUBLE},
        {model: 'last_touch', weight: (i = n)::DOUBLE},
        {model: 'last_non_direct', weight: (started = coalesce(last_paid,
            max(started) OVER (PARTITION BY conversion_id)))::DOUBLE},
        {model: 'linear', weight: 1.0::DOUBLE / n},
        {model: 'position_based', weight: CASE WHEN n = 1 THEN 1 WHEN n = 2 THEN 0.5
            WHEN i = 1 OR i = n THEN 0.4 ELSE 0.2 / (n - 2) END::DOUBLE},
        {model: 'time_decay', weight: decayed / sum(decayed) OVER (PARTITION BY conversion_id)}
    ]) AS one FROM touched
)
SELECT conversion_id, one.model, started, channel, source, campaign, one.weight,
    value::DOUBLE * one.weight
FROM weighed WHERE one.weight > 0
"""

FUNNEL = """
WITH seen AS (SELECT * FROM people WHERE site = $1 AND person != ''),
one AS (SELECT person, t FROM seen WHERE event = 'PageView' AND path = '/pricing'),
two AS (SELECT person, t FROM seen WHERE event = 'PageView' AND starts_with(path, '/docs/')),
three AS (SELECT person, t FROM seen WHERE event = 'Purchase')
SELECT 1, (SELECT count(DISTINCT person) FROM one)
UNION ALL SELECT 2, (SELECT count(DISTINCT one.person) FROM one JOIN two USING (person)
    WHERE two.t >= one.t AND two.t <= one.t + $2::BIGINT * 1000)
UNION ALL SELECT 3, (SELECT count(DISTINCT one.person) FROM one JOIN two USING (person)
    JOIN three USING (person)
    WHERE two.t >= one.t AND three.t >= two.t AND three.t <= one.t + $2::BIGINT * 1000)
"""

RETENTION = """
WITH active AS (
    SELECT DISTINCT site, person, CAST(date_trunc($1, epoch_ms(t)) AS DATE) AS period
    FROM people WHERE person != ''
), cohorts AS (SELECT site, person, min(period) AS cohort FROM active GROUP BY ALL),
sizes AS (SELECT site, cohort, count(*) AS size FROM cohorts GROUP BY ALL)
SELECT site, CAST(cohort AS VARCHAR), (period - cohort) // $2, count(*), any_value(size)
FROM active JOIN cohorts USING (site, person) JOIN sizes USING (site, cohort) GROUP BY 1, cohort, 3
"""


def connect(file: Path) -> duckdb.DuckDBPyConnection:
    """Return DuckDB with the exported hits, sessions and conversions."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(PREPARE.format(file=file))
    return connection
