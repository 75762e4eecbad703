// The questions: text for ClickHouse and its parameters. All of them read the views of
// docs/reports.md within a time. Knows nothing of the page.

const DAY_S = 86400;
const RANGES = {
  today: { title: "Today", days: 1, ago: 0, step: 3600, before: "yesterday at this time", current: "Today", previous: "Yesterday" },
  yesterday: { title: "Yesterday", days: 1, ago: 1, step: 3600, before: "the day before", current: "Yesterday", previous: "The day before" },
  "7d": { title: "Last 7 days", days: 7, ago: 0, step: DAY_S, before: "the 7 days before", current: "These 7 days", previous: "The 7 days before" },
  "30d": { title: "Last 30 days", days: 30, ago: 0, step: DAY_S, before: "the 30 days before", current: "These 30 days", previous: "The 30 days before" },
};

// Times of a range in seconds since 1970: [since, until), and [before, cut) to compare with.
function timesOf(range, nowS) {
  const midnight = nowS - (nowS % DAY_S);
  const end = midnight + DAY_S * (1 - range.ago);
  const since = end - DAY_S * range.days;
  const until = Math.min(end, nowS + 1);
  const shift = DAY_S * range.days;
  return { since, until, end, shift, before: since - shift, cut: until - shift };
}

function parametersOf(site, times) {
  const parameters = site === "*" ? {} : { site };
  for (const name of ["since", "until", "before", "cut"]) {
    if (times?.[name] !== undefined) parameters[name] = times[name];
  }
  return parameters;
}

const since = "toDateTime({since:UInt32}, 'UTC')";
const until = "toDateTime({until:UInt32}, 'UTC')";
const before = "toDateTime({before:UInt32}, 'UTC')";
const cut = "toDateTime({cut:UInt32}, 'UTC')";

function ofSite(site) {
  return site === "*" ? "1" : "site = {site:String}";
}

const WHO = `multiIf(bot != '', 'bot', purpose != '', toString(purpose), opened_by = 'machine', 'mail machine',
  is_person_hit = 0, 'program', 'person')`;

const queries = {
  now: () => "SELECT toUnixTimestamp(now()) AS now",
  any: () => "SELECT 1 AS there FROM hits LIMIT 1",
  sites: () => `SELECT site, sum(hits) AS all_hits FROM traffic_by_day
    WHERE day >= toDate(now('UTC')) - 62 GROUP BY site ORDER BY all_hits DESC LIMIT 300`,

  seconds: (site) => `SELECT toUnixTimestamp(received_at) AS second, countIf(is_person_hit) AS people,
      count() - people AS others, toUnixTimestamp(now()) AS now, max(max(toUnixTimestamp64Milli(inserted_at))) OVER () AS newest
    FROM hits_enriched WHERE received_at >= now('UTC') - INTERVAL 130 SECOND AND ${ofSite(site)}
    GROUP BY second ORDER BY second LIMIT 200`,
  last: (site) => `SELECT toString(id) AS hit, toString(received_at) AS at, event, endpoint, site, host, path, channel,
      device_type, campaign_id, ${WHO} AS who, value, currency, toUnixTimestamp64Milli(inserted_at) AS stored
    FROM hits_enriched
    WHERE received_at >= ${since} AND inserted_at > fromUnixTimestamp64Milli({stored:Int64}, 'UTC') AND ${ofSite(site)}
    ORDER BY received_at DESC LIMIT 50`,

  totals: (site) => `SELECT is_current, sum(hits) AS hits, sum(page_views) AS page_views,
      uniqCombined64Merge(14)(visitors_state) AS visitors
    FROM (
      SELECT hour >= ${since} AS is_current, hits, page_views, visitors_state FROM traffic_rollup
      WHERE hour >= ${before} AND hour < ${until} AND (hour < toStartOfHour(${cut}) OR hour >= ${since}) AND ${ofSite(site)}
      UNION ALL
      SELECT 0 AS is_current, count() AS hits, countIf(event = 'PageView') AS page_views,
        uniqCombined64StateIf(14)(person_key, person_key != 0) AS visitors_state
      FROM people_hits WHERE received_at >= toStartOfHour(${cut}) AND received_at < ${cut} AND ${ofSite(site)}
    ) GROUP BY is_current`,
  series: (site, step) => `SELECT intDiv(toUnixTimestamp(hour), ${step}) * ${step} AS bucket, sum(hits) AS hits,
      sum(page_views) AS page_views, uniqCombined64Merge(14)(visitors_state) AS visitors
    FROM traffic_rollup WHERE hour >= ${before} AND hour < ${until} AND ${ofSite(site)}
    GROUP BY bucket ORDER BY bucket`,
  pages: (site) => `SELECT host, path, sum(page_views) AS page_views, uniqCombined64Merge(14)(visitors_state) AS visitors
    FROM pages_rollup WHERE hour >= ${since} AND hour < ${until} AND ${ofSite(site)}
    GROUP BY host, path ORDER BY page_views DESC, host, path LIMIT 10`,
  visits: (site) => `SELECT grouping(channel) = 0 AS of_channel, channel, campaign, source, medium, count() AS visits,
      sum(is_bounce) AS bounces
    FROM sessions(since = ${since}, until = ${until}) WHERE ${ofSite(site)}
    GROUP BY GROUPING SETS ((channel), (campaign, source, medium))
    HAVING of_channel OR campaign != ''
    ORDER BY visits DESC, channel, campaign LIMIT 12 BY of_channel`,
  conversions: (site) => `SELECT event, currency, countIf(converted_at >= ${since}) AS conversions,
      sumIf(conversions.value, converted_at >= ${since}) AS total, countIf(converted_at < ${since}) AS conversions_before,
      sumIf(conversions.value, converted_at < ${since}) AS total_before
    FROM conversions_between(since = ${before}, until = ${until}) AS conversions
    WHERE (converted_at >= ${since} OR converted_at < ${cut}) AND ${ofSite(site)}
    GROUP BY event, currency ORDER BY conversions DESC, event LIMIT 50`,
  email: (site) => `SELECT campaign_id, sum(email_by_day.sent) AS all_sent, sum(opens_human) AS human,
      sum(opens_machine) AS machine, sum(opens_unknown) AS unknown, sum(email_by_day.clicks) AS all_clicks
    FROM email_by_day WHERE day >= toDate(${since}) AND day < toDate(${until} + 86399) AND ${ofSite(site)}
    GROUP BY campaign_id ORDER BY all_sent + human + machine + unknown DESC, campaign_id LIMIT 10`,
};
