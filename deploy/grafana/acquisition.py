"""The dashboard of where visits come from, and what conversions are owed to."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, bars, numbers, rows, stacked

MODELS = (
    "last_non_direct", "first_touch", "last_touch", "linear", "position_based", "time_decay",
)  # fmt: skip
_RANGE = "since = $__fromTime, until = $__toTime"
_ATTRIBUTED = (
    f"attribution_by_channel({_RANGE}, lookback_days = ${{lookback_days}}) AS attributed "
    "WHERE {sites} AND $__conditionalAll(event IN (${event:singlequote}), $event)"
)
_SHARE = {"bounce_rate": "percentunit"}
_CONVERSIONS = {"campaign": ("This site's conversions", frame.leads_to(
    "conversions", same=("site",)))}  # fmt: skip


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "Visits by channel, source and campaign; conversions by six models of attribution."
    built = frame.frame("acquisition", "acquisition and attribution", about, since="now-30d")
    built.with_variable(frame.site()).with_variable(frame.interval("day", "hour"))
    built.with_variable(frame.one_of("model", "Model", MODELS))
    built.with_variable(frame.one_of("lookback_days", "Look-back, days", ("30", "7", "90")))
    events = "SELECT event FROM conversion_events ORDER BY event"
    built.with_variable(frame.choice("event", "Conversion", events))
    return frame.with_panels(built, [*_visits(), *_attribution(), *_retention()])


def _visits() -> list[Panel]:
    return [
        numbers(
            "Visits",
            "SELECT count() AS visits, uniqIf(person, person != '') AS visitors, "
            "avg(is_bounce) AS bounce_rate, avg(page_views) AS pages_per_visit, "
            f"avg(duration_seconds) AS seconds_per_visit FROM sessions({_RANGE}) WHERE {{sites}}",
            "Visits that began in the range.",
        ),
        stacked(
            "Visits by channel",
            "SELECT date_trunc('${interval}', started_at) AS time, channel, count() AS value "
            f"FROM sessions({_RANGE}) WHERE {{sites}} "
            "GROUP BY time, channel ORDER BY time, channel",
            "The channel of a visit is that of its first hit from outside.",
        ),
        stacked(
            "Hits by channel",
            "SELECT ${interval} AS time, channel, sum(hits) AS value FROM channels_by_${interval} "
            f"WHERE {frame.BARS} AND channel != 'Internal' AND {{sites}} "
            "GROUP BY time, channel ORDER BY time, channel",
            "Hits that came from outside, from the rollup.",
        ),
        rows(
            "Sources and campaigns",
            "SELECT channel, source, medium, campaign, count() AS visits, "
            "uniqIf(person, person != '') AS visitors, avg(is_bounce) AS bounce_rate "
            f"FROM sessions({_RANGE}) WHERE {{sites}} GROUP BY channel, source, medium, campaign "
            "ORDER BY visits DESC, channel, source, medium, campaign LIMIT 100",
            "Click a campaign for the conversions of the same sites.",
            units=_SHARE,
            links=_CONVERSIONS,
        ),
        rows(
            "Landing pages",
            "SELECT entry_host, entry_path, count() AS visits, avg(is_bounce) AS bounce_rate "
            f"FROM sessions({_RANGE}) WHERE {{sites}} GROUP BY entry_host, entry_path "
            "ORDER BY visits DESC, entry_host, entry_path LIMIT 50",
            "Where visits began.",
            units=_SHARE,
        ),
        bars(
            "Ad networks",
            "SELECT click_id_kind, count() AS visits "
            f"FROM sessions({_RANGE}) WHERE click_id_kind != '' AND {{sites}} "
            "GROUP BY click_id_kind ORDER BY visits DESC, click_id_kind",
            "Visits that landed with a network's click id.",
            width=8,
        ),
    ]


def _attribution() -> list[Panel]:
    compared = ", ".join(
        f"round(sumIf(attributed.conversions, model = '{model}'), 2) AS {model}" for model in MODELS
    )
    return [
        rows(
            "Models compared",
            f"SELECT channel, {compared} FROM {_ATTRIBUTED} GROUP BY channel "
            "ORDER BY last_non_direct DESC, channel",
            "Conversions by channel; every column adds up to the same number.",
            width=16,
        ),
        rows(
            "Conversions by channel",
            "SELECT channel, currency, sum(attributed.conversions) AS conversions, "
            f"sum(attributed.value) AS value FROM {_ATTRIBUTED} AND model = '${{model}}' "
            "GROUP BY channel, currency ORDER BY conversions DESC, channel, currency",
            "By the model chosen above; value is never added up over currencies.",
        ),
        rows(
            "Conversions by campaign",
            "SELECT channel, source, medium, campaign, currency, "
            "sum(attributed.conversions) AS conversions, sum(attributed.value) AS value "
            f"FROM {_ATTRIBUTED} AND model = '${{model}}' "
            "GROUP BY channel, source, medium, campaign, currency "
            "ORDER BY conversions DESC, channel, source, medium, campaign, currency LIMIT 100",
            "By the model chosen above.",
            links=_CONVERSIONS,
        ),
    ]


def _retention() -> list[Panel]:
    return [
        rows(
            "Weeks after the first",
            "SELECT site, cohort, max(cohorts.cohort_people) AS cohort_people, "
            + ", ".join(f"maxIf(share, number = {week}) AS week_{week}" for week in range(1, 7))
            + f" FROM retention_by_week({_RANGE}) AS cohorts WHERE {{sites}} "
            "GROUP BY site, cohort ORDER BY site, cohort",
            "Of the people first seen in a week, the share that came back so many weeks later.",
            width=24,
            units={f"week_{week}": "percentunit" for week in range(1, 7)},
        ),
    ]
