"""What every dashboard has: variables, links to the others, annotations; and drill-down URLs.

Invariant: a URL that leads to a dashboard is made by `leads_to`, so that it names one of `UIDS`.
"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    AnnotationTarget,
    CustomVariable,
    Dashboard,
    DashboardLink,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableModel,
    VariableOption,
    VariableRefresh,
)

from deploy.grafana.metric_names import promql
from deploy.grafana.panels import Panel
from deploy.grafana.queries import CLICKHOUSE, PROMETHEUS

TAG = "heliograph"
UIDS = {
    name: f"heliograph-{name}"
    for name in (
        "overview", "acquisition", "conversions", "email", "audiences", "pipeline", "quality",
    )
}  # fmt: skip
# Grafana's own annotations, those of its HTTP API too.
_ANNOTATIONS = DataSourceRef(type_val="datasource", uid="-- Grafana --")
# The bars of `interval`; the first one from its beginning.
BARS = "${interval} >= date_trunc('${interval}', $__fromTime) AND ${interval} <= $__toTime"
_ALL = VariableOption(selected=True, text="All", value="$__all")


def frame(name: str, title: str, about: str, *, since: str, refresh: str = "1m") -> Dashboard:
    """Return a dashboard without panels that shows the time from `since` (`now-6h`) until now."""
    return (
        Dashboard(f"Heliograph: {title}")
        .uid(UIDS[name])
        .description(about)
        .tags([TAG])
        .timezone("utc")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("Heliograph")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        .annotation(
            AnnotationQuery()
            .name("Deploys")
            .datasource(_ANNOTATIONS)
            .enable(True)
            .icon_color("blue")
            .target(AnnotationTarget().type("tags").tags(["deploy"]).limit(100).match_any(False))
        )
    )


def with_panels(dashboard: Dashboard, panels: Sequence[Panel]) -> Dashboard:
    """Return a dashboard with panels, numbered from 1, from left to right and down."""
    for number, panel in enumerate(panels, 1):
        dashboard.with_panel(panel.id(number))
    return dashboard


def restarts() -> AnnotationQuery:
    """Return the annotation of processes that died and came back."""
    return (
        AnnotationQuery()
        .name("Restarts")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color("red")
        .expr(promql("increase(<process_restarts_total>[1m]) > 0"))
    )


def site() -> Builder[VariableModel]:
    """Return the choice of sites: several, or all."""
    return choice("site", "Site", "SELECT DISTINCT site FROM traffic_rollup ORDER BY site")


def choice(name: str, label: str, sql: str, *, several: bool = True) -> Builder[VariableModel]:
    """Return a variable whose values are the answer to SQL."""
    variable = (
        QueryVariable(name)
        .label(label)
        .datasource(CLICKHOUSE)
        .query(sql)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )
    return variable.multi(True).include_all(True).current(_ALL) if several else variable


def one_of(name: str, label: str, values: Sequence[str]) -> Builder[VariableModel]:
    """Return a variable with fixed values; the first one holds at the start."""
    options = [
        VariableOption(selected=value == values[0], text=value, value=value) for value in values
    ]
    variable = CustomVariable(name).label(label).values(",".join(values))
    return variable.options(options).current(options[0])


def interval(*values: str) -> Builder[VariableModel]:
    """Return the choice of a bar's width, as the views of traffic name it."""
    return one_of("interval", "Interval", values)


def text(name: str, label: str, value: str) -> Builder[VariableModel]:
    """Return a variable that a person types in."""
    option = VariableOption(selected=True, text=value, value=value)
    return TextBoxVariable(name).label(label).default_value(value).options([option]).current(option)


def leads_to(name: str, *, same: Sequence[str] = (), **variables: str) -> str:
    """Return the URL of another dashboard at the same time range.

    Variables in `same` are taken along as they are chosen here, `variables` are set.
    """
    kept = "".join(f"&${{{key}:queryparam}}" for key in same)
    chosen = "".join(f"&var-{key}={value}" for key, value in variables.items())
    return f"/d/{UIDS[name]}?${{__url_time_range}}{kept}{chosen}"
