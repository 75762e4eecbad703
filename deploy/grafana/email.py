"""The dashboard of email: what was sent, opened by whom, clicked."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import frame
from deploy.grafana.panels import Panel, bars, numbers, rows, stacked

_CAMPAIGNS = "$__conditionalAll(campaign_id IN (${campaign:singlequote}), $campaign)"
_DAYS = f"$__dateFilter(day) AND {{sites}} AND {_CAMPAIGNS}"
# Campaigns that were alive in the range, with all their numbers.
_ALIVE = f"first_at <= $__toTime_ms AND last_at >= $__fromTime_ms AND {{sites}} AND {_CAMPAIGNS}"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    about = "Opens by people told apart from opens by machines (docs/email.md), and clicks."
    built = frame.frame("email", "email", about, since="now-30d")
    built.with_variable(frame.site())
    campaigns = "SELECT DISTINCT campaign_id FROM email_campaigns ORDER BY campaign_id"
    built.with_variable(frame.choice("campaign", "Campaign", campaigns))
    return frame.with_panels(built, _panels())


def _panels() -> list[Panel]:
    return [
        numbers(
            "Email",
            "SELECT sum(days.sent) AS sent, sum(days.opens_human) AS opens_human, "
            "sum(days.opens_machine) AS opens_machine, sum(days.opens_unknown) AS opens_unknown, "
            f"sum(days.clicks) AS clicks FROM email_by_day AS days WHERE {_DAYS}",
            "Whole days.",
        ),
        stacked(
            "Opens by who opened",
            "SELECT day AS time, sum(opens_human) AS human, sum(opens_machine) AS machine, "
            f"sum(opens_unknown) AS unknown FROM email_by_day WHERE {_DAYS} GROUP BY time ORDER "
            "BY time",
            "Hits. Machines are mail proxies that open in advance and scanners of links.",
        ),
        stacked(
            "Clicks by campaign",
            "SELECT day AS time, toString(campaign_id) AS campaign, sum(clicks) AS value "
            f"FROM email_by_day WHERE {_DAYS} GROUP BY time, campaign ORDER BY time, campaign",
            "Clicks of people, through the redirect.",
        ),
        rows(
            "Campaigns",
            "SELECT site, campaign_id, sent, opened_human, opened, opens_machine, clicks, clicked, "
            f"click_to_open, first_at, last_at FROM email_campaigns WHERE {_ALIVE} "
            "ORDER BY last_at DESC, site, campaign_id LIMIT 100",
            "Campaigns alive in the range, over their whole life; `opened` and `clicked` are "
            "messages. Click one to see it alone.",
            width=16,
            units={"click_to_open": "percentunit"},
            links={"campaign_id": ("This campaign alone", frame.leads_to(
                "email", site="${__data.fields.site}", campaign="${__value.raw}"))},
        ),
        bars(
            "Click to open",
            "SELECT campaign_id, click_to_open FROM email_campaigns "
            f"WHERE {_ALIVE} AND opened > 0 ORDER BY click_to_open DESC, campaign_id LIMIT 20",
            "Messages clicked, of those opened by people or nobody knows whom.",
            width=8,
        ),
    ]  # fmt: skip
