-- Which events are conversions. A person adds rows: INSERT INTO conversion_events VALUES ('Quote').
CREATE TABLE IF NOT EXISTS conversion_events (event String)
ENGINE = ReplacingMergeTree
ORDER BY event
SETTINGS non_replicated_deduplication_window = 1000,
         replicated_deduplication_window = 1000;
INSERT INTO conversion_events SETTINGS insert_deduplication_token = 'conversion_events-0010' VALUES
    ('Purchase'), ('Lead'), ('Signup'), ('CompleteRegistration'), ('Subscribe'), ('StartTrial'), ('Contact'),
    ('Schedule'), ('SubmitApplication'), ('Donate');
-- The same site, event and event id within 48 hours of the first hit is one conversion, by Meta's rule for
-- browser and server events; without an event id each hit is one. Hits of the week before the range are read:
-- an id that comes again and again for longer, never 48 hours apart, may count once more.
CREATE VIEW IF NOT EXISTS conversions_between AS
SELECT
    counted.site AS site,
    event,
    event_id,
    conversion_id,
    converted_at,
    if(visitor != '', visitor, if(users.visitor != '', users.visitor, counted.user_id)) AS person,
    counted.user_id AS user_id,
    ifNull(value, toDecimal64(0, 4)) AS value,
    currency,
    copies,
    from_browser,
    from_server,
    host,
    path
FROM
(
    SELECT
        site,
        event,
        event_id,
        one[1].2 AS conversion_id,
        one[1].1 AS converted_at,
        arrayFirst(x -> x.4 != '', one).4 AS visitor,
        arrayFirst(x -> x.5 != '', one).5 AS user_id,
        if(arrayExists(x -> x.3 = 'api' AND isNotNull(x.6), one),
            arrayFirst(x -> x.3 = 'api' AND isNotNull(x.6), one), arrayFirst(x -> isNotNull(x.6), one)) AS priced,
        priced.6 AS value,
        priced.7 AS currency,
        length(one) AS copies,
        toUInt8(arrayExists(x -> x.3 != 'api', one)) AS from_browser,
        toUInt8(arrayExists(x -> x.3 = 'api', one)) AS from_server,
        arrayFirst(x -> x.8 != '', one).8 AS host,
        arrayFirst(x -> x.8 != '', one).9 AS path
    FROM
    (
        SELECT
            site,
            event,
            event_id,
            arraySort(groupArray((received_at, id, toString(endpoint), ifNull(toString(visitor_id), ''), user_id,
                value, toString(currency), toString(host), path))) AS hit_list,
            arrayFold((firsts, x) -> if(empty(firsts) OR x > firsts[-1] + INTERVAL 48 HOUR,
                arrayPushBack(firsts, x), firsts), arrayMap(x -> x.1, hit_list),
                arrayResize([toDateTime64('1970-01-01', 3, 'UTC')], 0)) AS first_list,
            arrayJoin(first_list) AS first_at,
            arrayFilter(x -> x.1 >= first_at AND x.1 <= first_at + INTERVAL 48 HOUR, hit_list) AS one
        FROM people_hits
        WHERE event IN (SELECT event FROM conversion_events)
            AND received_at >= {since:DateTime('UTC')} - INTERVAL 7 DAY
            AND received_at < {until:DateTime('UTC')} + INTERVAL 2 DAY
        GROUP BY site, event, event_id, if(event_id = '', id, toUUID('00000000-0000-0000-0000-000000000000'))
    )
) AS counted
LEFT JOIN
(
    SELECT site, user_id, toString(argMax(assumeNotNull(visitor_id), received_at)) AS visitor
    FROM hits
    WHERE user_id != '' AND isNotNull(visitor_id) AND user_id IN
    (
        SELECT user_id
        FROM hits
        WHERE isNull(visitor_id) AND user_id != '' AND event IN (SELECT event FROM conversion_events)
            AND received_at >= {since:DateTime('UTC')} - INTERVAL 7 DAY
            AND received_at < {until:DateTime('UTC')} + INTERVAL 2 DAY
    )
    GROUP BY site, user_id
) AS users ON counted.site = users.site AND counted.user_id = users.user_id
WHERE converted_at >= {since:DateTime('UTC')} AND converted_at < {until:DateTime('UTC')};
-- Of all time. What asks for a range asks conversions_between, since a filter here does not reach the hits.
CREATE VIEW IF NOT EXISTS conversions AS
SELECT *
FROM conversions_between(
    since = toDateTime('1980-01-01 00:00:00', 'UTC'), until = toDateTime('2100-01-01 00:00:00', 'UTC'));
CREATE VIEW IF NOT EXISTS conversions_by_day AS
SELECT
    site, toDate(converted_at) AS day, event, currency,
    count() AS conversions,
    sum(conversions.value) AS value,
    uniqExactIf(person, person != '') AS people,
    countIf(from_server = 0) AS browser_only,
    countIf(from_browser = 0) AS server_only,
    countIf(from_browser AND from_server) AS both
FROM conversions
GROUP BY site, day, event, currency;
