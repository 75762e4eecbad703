"""The dashboard of conversions, what they are worth, and the way to them."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, bars, lines, numbers, rows, stacked

# Those of the range alone: `conversions` with a filter would look through the hits of all time.
_FROM = "FROM conversions_between(since = $__fromTime, until = $__toTime) AS one WHERE {sites}"
_ACQUISITION = {"site": ("What they are owed to", frame.leads_to(
    "acquisition", site="${__data.fields.site}"))}  # fmt: skip


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "Conversions, each counted once whether browser, server or both report it."
    built = frame.frame("conversions", "conversions and revenue", about, since="now-30d")
    built.with_variable(frame.site())
    sites = "SELECT DISTINCT site FROM traffic_rollup ORDER BY site"
    built.with_variable(frame.choice("funnel_site", "Funnel: site", sites, several=False))
    built.with_variable(frame.text("steps", "Funnel: steps", "/,/pricing,Purchase"))
    built.with_variable(frame.one_of("window_days", "Funnel: days", ("7", "1", "30")))
    return frame.with_panels(built, [*_conversions(), *_funnel(), *_detail()])


def _conversions() -> list[Panel]:
    return [
        numbers(
            "Conversions",
            "SELECT count() AS conversions, uniqExactIf(person, person != '') AS people, "
            "countIf(from_browser AND from_server) AS seen_by_both, "
            f"sum(copies) - count() AS copies_dropped {_FROM}",
            "A copy is the same event id within 48 hours.",
        ),
        stacked(
            "Conversions by event",
            "SELECT $__timeInterval(converted_at) AS time, event, count() AS value "
            f"{_FROM} GROUP BY time, event ORDER BY time, event",
            "As they happened.",
        ).interval("1h"),
        lines(
            "Revenue by day",
            "SELECT toDate(converted_at) AS time, currency, sum(one.value) AS value "
            f"{_FROM} AND currency != '' GROUP BY time, currency ORDER BY time, currency",
            "By currency.",
        ),
        rows(
            "Events",
            "SELECT site, event, currency, count() AS conversions, "
            "uniqExactIf(person, person != '') AS people, sum(one.value) AS value, "
            f"avg(one.value) AS value_average {_FROM} "
            "GROUP BY site, event, currency ORDER BY conversions DESC, site, event, currency",
            "Click a site for what its conversions are owed to.",
            links=_ACQUISITION,
        ),
        stacked(
            "Who reported them",
            "SELECT toDate(converted_at) AS time, countIf(from_server = 0) AS browser, "
            "countIf(from_browser = 0) AS server, countIf(from_browser AND from_server) AS "
            f"both_of_them {_FROM} GROUP BY time ORDER BY time",
            "Only one of them for long: a snippet or a server's reports are missing.",
        ),
    ]


def _funnel() -> list[Panel]:
    asked = (
        "funnel(site = ${funnel_site:sqlstring}, steps = splitByChar(',', ${steps:sqlstring}), "
        "window_seconds = ${window_days} * 86400, since = $__fromTime, until = $__toTime)"
    )
    return [
        bars(
            "Funnel",
            f"SELECT concat(toString(step), ' ', name) AS passed, people "
            f"FROM {asked} ORDER BY step",
            "People who passed the steps in order, within the days chosen after the first.",
        ),
        rows(
            "Funnel in numbers",
            f"SELECT step, name, people, share_of_first, share_of_previous "
            f"FROM {asked} ORDER BY step",
            "A step is an event, or a path (`/docs/*` too).",
            units={"share_of_first": "percentunit", "share_of_previous": "percentunit"},
        ),
    ]


def _detail() -> list[Panel]:
    return [
        rows(
            "Pages of conversions",
            "SELECT host, path, event, count() AS conversions, currency, "
            f"sum(one.value) AS value {_FROM} AND host != '' "
            "GROUP BY host, path, event, currency ORDER BY conversions DESC, host, path, event, "
            "currency LIMIT 50",
            "Where the browser was.",
        ),
        rows(
            "The latest conversions",
            "SELECT converted_at, site, event, value, currency, path, copies, from_browser, "
            f"from_server {_FROM} "
            "ORDER BY converted_at DESC, conversion_id LIMIT 50",
            "Each once, the newest first.",
            links=_ACQUISITION,
        ),
    ]
