-- Visits that began in [since, until). Hits of a day around the range are read, so that a visit over its
-- edge is whole; one that lasts longer than a day is cut. Hits with a session_id are grouped by it, which
-- is cheap; the others are sorted for each person and split where 30 minutes passed without a hit.
-- Texts are joined for argMin and its order is one number, since it is many times slower with tuples.
-- Where a visit came from is the first hit that came from outside (neither Internal nor Direct).
CREATE VIEW IF NOT EXISTS sessions AS
WITH visit_hits AS
(
    SELECT *, channel NOT IN ('Internal', 'Direct') AS is_arrival
    FROM people_hits
    WHERE received_at >= {since:DateTime('UTC')} - INTERVAL 1 DAY
        AND received_at < {until:DateTime('UTC')} + INTERVAL 1 DAY
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
    entry.1 AS entry_host,
    entry.2 AS entry_path,
    exit_path,
    arrival.1 AS channel,
    arrival.2 AS source,
    arrival.3 AS medium,
    arrival.4 AS campaign,
    arrival.5 AS term,
    arrival.6 AS content,
    arrival.7 AS click_id_kind,
    arrival.8 AS click_id,
    entry.3 AS device_type,
    entry.4 AS country,
    toUInt8(hits = 1) AS is_bounce
FROM
(
    SELECT
        site, session, person, started_at, ended_at, hits, page_views,
        (first[1], first[2], first[3], first[4]) AS entry,
        exit_path,
        if(arrivals > 0, (from[1], from[2], from[3], from[4], from[5], from[6], from[7], from[8]),
            ('Direct', '(direct)', '(none)', '', '', '', '', '')) AS arrival
    FROM
    (
        SELECT
            site,
            toString(session_id) AS session,
            argMaxIf(of_person, moment, of_person != '') AS person,
            min(received_at) AS started_at,
            max(received_at) AS ended_at,
            count() AS hits,
            countIf(event = 'PageView') AS page_views,
            countIf(is_arrival) AS arrivals,
            splitByChar('\x01', argMin(concat(host, '\x01', path, '\x01', device_type, '\x01', country), moment))
                AS first,
            argMax(path, moment) AS exit_path,
            splitByChar('\x01', argMinIf(concat(channel, '\x01', source, '\x01', medium, '\x01', utm_campaign,
                '\x01', utm_term, '\x01', utm_content, '\x01', click_id_kind, '\x01', click_id), moment,
                is_arrival)) AS from
        FROM
        (
            SELECT *, person AS of_person,
                bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(received_at)), 22), cityHash64(id) % 4194304)
                    AS moment
            FROM visit_hits
            WHERE isNotNull(session_id)
        )
        GROUP BY site, session_id
    )
    UNION ALL
    SELECT
        site,
        toString(cityHash64(of_person, one[1].1)) AS session,
        of_person AS person,
        one[1].1 AS started_at,
        one[-1].1 AS ended_at,
        length(one) AS hits,
        arrayCount(x -> x.3 = 'PageView', one) AS page_views,
        (one[1].4, one[1].5, one[1].6, one[1].7) AS entry,
        one[-1].5 AS exit_path,
        if(arrayExists(x -> x.8, one),
            arrayFirst(x -> x.8, one).9,
            ('Direct', '(direct)', '(none)', '', '', '', '', '')) AS arrival
    FROM
    (
        SELECT
            site,
            of_person,
            arraySort(groupArray((received_at, id, toString(event), toString(host), path, toString(device_type),
                toString(country), is_arrival, (toString(channel), toString(source), toString(medium),
                toString(utm_campaign), utm_term, utm_content, toString(click_id_kind), click_id)))) AS visit_list,
            arrayJoin(arraySplit((x, gap_ms) -> gap_ms > 1800000, visit_list,
                arrayDifference(arrayMap(x -> toUnixTimestamp64Milli(x.1), visit_list)))) AS one
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
