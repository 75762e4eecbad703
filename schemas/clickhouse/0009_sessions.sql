-- Visits that began in [since, until). Hits of six hours around the range are read, so that a visit over its
-- edge is whole; of one that lasts longer a part is missed. Hits with a session_id are grouped by it, which
-- is cheap; the others are sorted for each person and split where 30 minutes passed without a hit.
-- Each column is an aggregate of its own, so that those nobody asks for are not computed, nor the URL read;
-- their order is one number, since argMin is many times slower with tuples.
-- Where a visit came from is the first hit that came from outside (neither Internal nor Direct).
CREATE VIEW IF NOT EXISTS sessions AS
WITH visit_hits AS
(
    SELECT *, channel NOT IN ('Internal', 'Direct') AS is_arrival
    FROM people_hits
    WHERE received_at >= {since:DateTime('UTC')} - INTERVAL 6 HOUR
        AND received_at < {until:DateTime('UTC')} + INTERVAL 6 HOUR
        AND event NOT IN ('Open', 'Sent')
        AND (endpoint != 'api' OR isNotNull(session_id))
        AND (person_key != 0 OR isNotNull(session_id))
)
SELECT
    site,
    session,
    person,
    started_at,
    ended_at,
    dateDiff('second', started_at, ended_at) AS duration_seconds,
    hits,
    page_views,
    entry_host,
    entry_path,
    exit_path,
    if(arrivals > 0, of_channel, 'Direct') AS channel,
    if(arrivals > 0, of_source, '(direct)') AS source,
    if(arrivals > 0, of_medium, '(none)') AS medium,
    of_campaign AS campaign,
    of_term AS term,
    of_content AS content,
    of_click_id_kind AS click_id_kind,
    of_click_id AS click_id,
    of_device_type AS device_type,
    of_country AS country,
    toUInt8(hits = 1) AS is_bounce
FROM
(
    SELECT
        site,
        toString(of_session) AS session,
        argMaxIf(of_person, moment, of_person != '') AS person,
        min(received_at) AS started_at,
        max(received_at) AS ended_at,
        count() AS hits,
        countIf(event = 'PageView') AS page_views,
        countIf(is_arrival) AS arrivals,
        argMin(toString(host), moment) AS entry_host,
        argMin(path, moment) AS entry_path,
        argMax(path, moment) AS exit_path,
        argMinIf(toString(channel), moment, is_arrival) AS of_channel,
        argMinIf(toString(source), moment, is_arrival) AS of_source,
        argMinIf(toString(medium), moment, is_arrival) AS of_medium,
        argMinIf(toString(utm_campaign), moment, is_arrival) AS of_campaign,
        argMinIf(utm_term, moment, is_arrival) AS of_term,
        argMinIf(utm_content, moment, is_arrival) AS of_content,
        argMinIf(toString(click_id_kind), moment, is_arrival) AS of_click_id_kind,
        argMinIf(click_id, moment, is_arrival) AS of_click_id,
        argMin(toString(device_type), moment) AS of_device_type,
        argMin(toString(country), moment) AS of_country
    FROM
    (
        SELECT *, person AS of_person, assumeNotNull(session_id) AS of_session,
            bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(received_at)), 22), cityHash64(id) % 4194304)
                AS moment
        FROM visit_hits
        WHERE isNotNull(session_id)
    )
    GROUP BY site, of_session
    UNION ALL
    SELECT
        site,
        toString(cityHash64(of_person, one[1].1)) AS session,
        of_person AS person,
        one[1].1 AS started_at,
        one[-1].1 AS ended_at,
        length(one) AS hits,
        arrayCount(x -> x.3 = 'PageView', one) AS page_views,
        arrayCount(x -> x.8, one) AS arrivals,
        one[1].4 AS entry_host,
        one[1].5 AS entry_path,
        one[-1].5 AS exit_path,
        arrival.1 AS of_channel,
        arrival.2 AS of_source,
        arrival.3 AS of_medium,
        arrival.4 AS of_campaign,
        arrival.5 AS of_term,
        arrival.6 AS of_content,
        arrival.7 AS of_click_id_kind,
        arrival.8 AS of_click_id,
        one[1].6 AS of_device_type,
        one[1].7 AS of_country
    FROM
    (
        SELECT
            site,
            of_person,
            arraySort(groupArray((received_at, id, toString(event), toString(host), path, toString(device_type),
                toString(country), is_arrival, (toString(channel), toString(source), toString(medium),
                toString(utm_campaign), utm_term, utm_content, toString(click_id_kind), click_id)))) AS visit_list,
            arrayJoin(arraySplit((x, gap_ms) -> gap_ms > 1800000, visit_list,
                arrayDifference(arrayMap(x -> toUnixTimestamp64Milli(x.1), visit_list)))) AS one,
            arrayFirst(x -> x.8, one).9 AS arrival
        FROM (SELECT *, person AS of_person FROM visit_hits WHERE isNull(session_id))
        GROUP BY site, of_person
    )
)
WHERE started_at >= {since:DateTime('UTC')} AND started_at < {until:DateTime('UTC')};
CREATE VIEW IF NOT EXISTS sessions_by_day AS
SELECT
    site,
    toDate(started_at) AS day,
    channel,
    count() AS visits,
    sum(is_bounce) AS bounces,
    sum(page_views) AS page_views,
    avg(duration_seconds) AS duration_seconds_average
FROM sessions(since = {since:DateTime('UTC')}, until = {until:DateTime('UTC')})
GROUP BY site, day, channel;
