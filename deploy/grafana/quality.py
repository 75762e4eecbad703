"""The dashboard of whether the numbers can be trusted: problems, letters, clocks, consent, bots."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, lines, numbers, rows, shares, stacked

_HOURS = "hour >= toStartOfHour($__fromTime) AND hour <= $__toTime"
_DAYS = "$__dateFilter(day) AND {sites}"
_SITE = {"site": ("This site alone", frame.leads_to("quality", site="${__data.fields.site}"))}


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "All traffic, machines and bad hits too."
    built = frame.frame("quality", "data quality", about, since="now-7d")
    built.with_variable(frame.site())
    return frame.with_panels(built, [*_hits(), *_letters(), *_who()])


def _hits() -> list[Panel]:
    return [
        numbers(
            "Hits of the range",
            "SELECT count() AS hits, countIf(notEmpty(problems)) AS with_problems, "
            "countIf(is_person_hit = 0) AS not_of_people, countIf(consent = 'denied') AS denied "
            "FROM hits_enriched WHERE $__timeFilter_ms(received_at) AND {sites}",
            "All hits, whoever caused them.",
        ),
        stacked(
            "Problems by member",
            "SELECT hour AS time, member, sum(hits) AS value FROM problems_by_hour "
            f"WHERE {_HOURS} AND {{sites}} GROUP BY time, member ORDER BY time, member",
            "Hits with a member that could not be used: a snippet is wrong.",
        ),
        rows(
            "Problems",
            "SELECT site, member, problem, sum(problems.hits) AS hits "
            f"FROM problems_by_hour AS problems WHERE {_HOURS} AND {{sites}} GROUP BY site, "
            "member, problem "
            "ORDER BY hits DESC, site, member, problem LIMIT 100",
            "What is wrong, and how often.",
            links=_SITE,
        ),
        rows(
            "Pages with problems",
            "SELECT site, host, path, count() AS hits, min(problems[1]) AS example "
            "FROM hits_enriched WHERE notEmpty(problems) AND $__timeFilter_ms(received_at) AND "
            "{sites} "
            "GROUP BY site, host, path ORDER BY hits DESC, site, host, path LIMIT 50",
            "Where the wrong snippets are.",
            links=_SITE,
        ),
        lines(
            "Clock skew",
            "SELECT hour AS time, site, max(skew_seconds_p95) AS value FROM clock_skew_by_hour "
            f"WHERE {_HOURS} AND {{sites}} GROUP BY time, site ORDER BY time, site",
            "How far clients' clocks are off: 95 % are closer. Reports use the time received.",
            unit="s",
        ),
    ]


def _letters() -> list[Panel]:
    return [
        stacked(
            "Dead letters",
            "SELECT hour AS time, reason, sum(letters) AS value FROM dead_letters_by_hour "
            f"WHERE {_HOURS} GROUP BY time, reason ORDER BY time, reason",
            "Lines that ClickHouse refused, of every site: `heliograph dead-letters list`.",
        ),
        rows(
            "Dead letters by reason",
            "SELECT reason, sum(dead.letters) AS letters, sum(dead.replayed) AS replayed "
            f"FROM dead_letters_by_hour AS dead WHERE {_HOURS} "
            "GROUP BY reason ORDER BY letters DESC, reason",
            "`replayed`: those in hits by now.",
        ),
        lines(
            "Delivery lag",
            "SELECT minute AS time, lag_ms_median AS median, lag_ms_p99 AS p99, "
            "lag_ms_max AS longest FROM delivery_lag_by_minute WHERE $__timeFilter(minute) "
            "ORDER BY time",
            "From received to stored, of every site.",
            unit="ms",
        ),
    ]


def _who() -> list[Panel]:
    return [
        stacked(
            "Consent",
            "SELECT day AS time, consent, sum(hits) AS value FROM consent_by_day "
            f"WHERE {_DAYS} GROUP BY time, consent ORDER BY time, consent",
            "Hits by what people allow. A jump: a consent banner changed or broke.",
        ),
        rows(
            "Where consent comes from",
            "SELECT site, consent, consent_source, sum(consents.hits) AS hits "
            f"FROM consent_by_day AS consents WHERE {_DAYS} GROUP BY site, consent, consent_source "
            "ORDER BY hits DESC, site, consent, consent_source",
            "By the signal that decided (docs/consent.md).",
            links=_SITE,
        ),
        stacked(
            "Bots by kind",
            "SELECT day AS time, toString(kind) AS kind_of, sum(hits) AS value FROM bots_by_day "
            f"WHERE kind != 'person' AND {_DAYS} GROUP BY time, kind_of ORDER BY time, kind_of",
            "Hits that no report about people counts.",
        ),
        shares(
            "People and machines",
            "SELECT kind, sum(bots.hits) AS hits FROM bots_by_day AS bots "
            f"WHERE {_DAYS} GROUP BY kind ORDER BY hits DESC, kind",
            "All hits.",
            width=12,
        ),
    ]
