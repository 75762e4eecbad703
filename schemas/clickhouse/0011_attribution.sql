-- Which touches a conversion is owed to, by six models. A touch is a visit of the same person that began at
-- most lookback_days before the conversion. One row for each conversion, model and touch with a weight.
CREATE VIEW IF NOT EXISTS attribution AS
WITH
    converted AS
    (
        SELECT * FROM conversions_between(since = {since:DateTime('UTC')}, until = {until:DateTime('UTC')})
    ),
    visited AS
    (
        SELECT
            site,
            person,
            arraySort(groupArray((started_at, session, toString(channel), source, medium, campaign, click_id_kind,
                click_id))) AS visit_list
        FROM sessions(
            since = {since:DateTime('UTC')} - toIntervalDay({lookback_days:UInt16}),
            until = {until:DateTime('UTC')})
        WHERE person IN (SELECT person FROM converted WHERE person != '')
        GROUP BY site, person
    )
SELECT
    site, event, conversion_id, converted_at, person,
    model_row.1 AS model,
    touch.1 AS touched_at,
    touch.3 AS channel,
    touch.4 AS source,
    touch.5 AS medium,
    touch.6 AS campaign,
    touch.7 AS click_id_kind,
    touch.8 AS click_id,
    weight,
    toFloat64(conversion_value) * weight AS value,
    currency
FROM
(
    SELECT
        converted.site AS site, event, conversion_id, converted_at, converted.person AS person,
        converted.value AS conversion_value, currency,
        arrayFilter(x -> x.1 <= converted_at AND x.1 >= converted_at - toIntervalDay({lookback_days:UInt16}),
            visit_list) AS found,
        if(empty(found), [(converted_at, '', 'Unknown', '(not set)', '(not set)', '', '', '')], found) AS touches,
        length(touches) AS n,
        arrayEnumerate(touches) AS numbers,
        arrayLastIndex(x -> x.3 != 'Direct', touches) AS last_paid,
        arrayMap(x -> exp2(-dateDiff('millisecond', x.1, converted_at) / 604800000), touches) AS halved,
        [
            ('first_touch', arrayMap(i -> toFloat64(i = 1), numbers)),
            ('last_touch', arrayMap(i -> toFloat64(i = n), numbers)),
            ('last_non_direct', arrayMap(i -> toFloat64(i = if(last_paid = 0, n, last_paid)), numbers)),
            ('linear', arrayMap(i -> 1 / n, numbers)),
            ('position_based', arrayMap(i -> multiIf(n = 1, 1., n = 2, .5, i IN (1, n), .4, .2 / (n - 2)), numbers)),
            ('time_decay', arrayMap(x -> x / arraySum(halved), halved))
        ] AS models
    FROM converted
    LEFT JOIN visited ON converted.site = visited.site AND converted.person = visited.person
)
ARRAY JOIN models AS model_row
ARRAY JOIN touches AS touch, model_row.2 AS weight
WHERE weight > 0;
CREATE VIEW IF NOT EXISTS attribution_by_channel AS
SELECT
    site, model, event, channel, source, medium, campaign, currency,
    sum(weight) AS conversions,
    sum(attributed.value) AS value
FROM attribution(
    since = {since:DateTime('UTC')}, until = {until:DateTime('UTC')},
    lookback_days = {lookback_days:UInt16}) AS attributed
GROUP BY site, model, event, channel, source, medium, campaign, currency;
-- How many people pass the steps in order. A step is an event, or a path of page views (/docs/* too).
CREATE VIEW IF NOT EXISTS funnel AS
SELECT
    number AS step,
    {steps:Array(String)}[number] AS name,
    countIf(passed >= number) AS people,
    if(first_value(people) OVER (ORDER BY number) = 0, 0, people / first_value(people) OVER (ORDER BY number))
        AS share_of_first,
    if(number = 1, 1., if(lagInFrame(people) OVER (ORDER BY number) = 0, 0,
        people / lagInFrame(people) OVER (ORDER BY number))) AS share_of_previous
FROM
(
    SELECT
        arrayJoin(range(1, least(length({steps:Array(String)}), 8) + 1)) AS number,
        passed
    FROM
    (
        SELECT
            person_key,
            windowFunnel({window_seconds:UInt64} * 1000)(
                toUInt64(toUnixTimestamp64Milli(received_at)),
                arrayElement(passes, 1), arrayElement(passes, 2), arrayElement(passes, 3), arrayElement(passes, 4),
                arrayElement(passes, 5), arrayElement(passes, 6), arrayElement(passes, 7), arrayElement(passes, 8)
            ) AS passed
        FROM
        (
            SELECT
                person_key,
                received_at,
                arrayMap(x -> if(startsWith(x, '/'),
                    event = 'PageView' AND if(endsWith(x, '*'),
                        startsWith(path, substring(x, 1, length(x) - 1)), path = x),
                    event = x), arrayResize({steps:Array(String)}, 8)) AS passes
            FROM people_hits
            WHERE site = {site:String} AND person_key != 0
                AND received_at >= {since:DateTime('UTC')} AND received_at < {until:DateTime('UTC')}
        )
        WHERE has(passes, 1)
        GROUP BY person_key
    )
)
GROUP BY number
ORDER BY number;
CREATE VIEW IF NOT EXISTS retention_by_week AS
SELECT
    site, cohort, number, people,
    first_value(people) OVER (PARTITION BY site, cohort ORDER BY number) AS cohort_people,
    people / cohort_people AS share
FROM
(
    SELECT site, cohort, arrayJoin(arrayMap(x -> toUInt32(intDiv(x - cohort, 7)), weeks)) AS number, count() AS people
    FROM
    (
        SELECT site, person_key, groupUniqArray(toMonday(received_at)) AS weeks, arrayMin(weeks) AS cohort
        FROM people_hits
        WHERE person_key != 0
            AND received_at >= {since:DateTime('UTC')} AND received_at < {until:DateTime('UTC')}
        GROUP BY site, person_key
    )
    GROUP BY site, cohort, number
);
CREATE VIEW IF NOT EXISTS retention_by_day AS
SELECT
    site, cohort, number, people,
    first_value(people) OVER (PARTITION BY site, cohort ORDER BY number) AS cohort_people,
    people / cohort_people AS share
FROM
(
    SELECT site, cohort, arrayJoin(arrayMap(x -> toUInt32(x - cohort), days)) AS number, count() AS people
    FROM
    (
        SELECT site, person_key, groupUniqArray(toDate(received_at)) AS days, arrayMin(days) AS cohort
        FROM people_hits
        WHERE person_key != 0
            AND received_at >= {since:DateTime('UTC')} AND received_at < {until:DateTime('UTC')}
        GROUP BY site, person_key
    )
    GROUP BY site, cohort, number
);
