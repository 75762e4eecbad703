"""The dashboard to leave on a screen: what happens now, and where."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, bars, lines, numbers, rows, shares, stacked

# Whole hours, since the rollups have hours: the first one of the range counts from its beginning.
_HOURS = "hour >= toStartOfHour($__fromTime) AND hour <= $__toTime AND {sites}"
_BARS = f"{frame.BARS} AND {{sites}}"
_SITE = {"site": ("Where this site's visits come from", frame.leads_to(
    "acquisition", site="${__data.fields.site}"))}  # fmt: skip


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "Hits of people as they arrive; the views of docs/reports.md."
    built = frame.frame("overview", "overview", about, since="now-6h", refresh="10s")
    built.with_variable(frame.site()).with_variable(frame.interval("minute", "hour", "day"))
    return frame.with_panels(built, [*_traffic(), *_breakdowns(), *_latest()])


def _traffic() -> list[Panel]:
    return [
        numbers(
            "The last five minutes",
            "SELECT count() AS hits, countIf(event = 'PageView') AS page_views, "
            "uniqCombined64If(14)(person_key, person_key != 0) AS visitors FROM people_hits "
            "WHERE received_at > $__toTime_ms - INTERVAL 5 MINUTE AND received_at <= $__toTime_ms "
            "AND {sites}",
            "Before the end of the range.",
            width=10,
        ),
        numbers(
            "The range",
            "SELECT sum(rollup.hits) AS hits, sum(rollup.page_views) AS page_views, "
            "uniqCombined64Merge(14)(visitors_state) AS visitors, "
            "uniqCombined64Merge(14)(visits_state) AS visits FROM traffic_rollup AS rollup "
            f"WHERE {_HOURS}",
            "Whole hours. A person who visits two sites is one visitor.",
            width=14,
        ),
        stacked(
            "Hits",
            "SELECT ${interval} AS time, site, sum(hits) AS value FROM traffic_by_${interval} "
            f"WHERE {_BARS} GROUP BY time, site ORDER BY time, site",
            "Hits of people by site.",
        ),
        lines(
            "Visitors",
            "SELECT ${interval} AS time, site, sum(visitors) AS value FROM traffic_by_${interval} "
            f"WHERE {_BARS} GROUP BY time, site ORDER BY time, site",
            "Different persons in each bar, by site; they don't add up over bars.",
        ),
    ]


def _breakdowns() -> list[Panel]:
    return [
        rows(
            "Sites",
            "SELECT site, sum(rollup.hits) AS hits, sum(rollup.page_views) AS page_views, "
            "uniqCombined64Merge(14)(visitors_state) AS visitors, "
            "uniqCombined64Merge(14)(visits_state) AS visits FROM traffic_rollup AS rollup "
            f"WHERE {_HOURS} GROUP BY site ORDER BY hits DESC, site LIMIT 50",
            "Click a site to see where its visits come from.",
            links=_SITE,
        ),
        rows(
            "Pages",
            "SELECT site, host, path, sum(rollup.page_views) AS page_views, "
            "uniqCombined64Merge(14)(visitors_state) AS visitors FROM pages_rollup AS rollup "
            f"WHERE {_HOURS} GROUP BY site, host, path ORDER BY page_views DESC, host, path "
            "LIMIT 50",
            "The most viewed.",
            links=_SITE,
        ),
        shares(
            "Channels",
            "SELECT channel, sum(rollup.hits) AS hits FROM traffic_rollup AS rollup "
            f"WHERE {_HOURS} AND channel != 'Internal' GROUP BY channel ORDER BY hits DESC, "
            "channel",
            "Hits that came from outside.",
        ),
        shares(
            "Devices",
            "SELECT device_type, sum(rollup.hits) AS hits FROM traffic_rollup AS rollup "
            f"WHERE {_HOURS} GROUP BY device_type ORDER BY hits DESC, device_type",
            "Hits by kind of device.",
        ),
        bars(
            "Events",
            "SELECT event, sum(counted.hits) AS hits FROM events_by_hour AS counted "
            f"WHERE {_HOURS} GROUP BY event ORDER BY hits DESC, event LIMIT 20",
            "Hits by event.",
            width=6,
        ),
        bars(
            "Countries",
            "SELECT if(country = '', 'unknown', country) AS name, sum(counted.hits) AS hits "
            "FROM countries_by_day AS counted WHERE $__dateFilter(day) AND {sites} "
            "GROUP BY name ORDER BY hits DESC, name LIMIT 20",
            "Hits by country, whole days; unknown without a file of networks (docs/enrichment.md).",
            width=6,
        ),
        rows(
            "Browsers",
            "SELECT if(browser = '', 'unknown', browser) AS name, os, device_type, "
            "sum(counted.hits) AS hits FROM browsers_by_day AS counted "
            "WHERE $__dateFilter(day) AND {sites} "
            "GROUP BY name, os, device_type ORDER BY hits DESC, name, os, device_type LIMIT 20",
            "Whole days. Names come from `heliograph enrich`.",
        ),
    ]


def _latest() -> list[Panel]:
    return [
        rows(
            "The latest hits",
            "SELECT received_at, site, event, host, path, channel, device_type, country "
            "FROM people_hits WHERE $__timeFilter_ms(received_at) AND {sites} "
            "ORDER BY received_at DESC, id LIMIT 50",
            "Hits of people, the newest first.",
            links=_SITE,
        ),
    ]
