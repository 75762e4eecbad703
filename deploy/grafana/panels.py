"""The kinds of panels that dashboards are made of, each with one look, wherever it stands.

Widths are of Grafana's 24 columns. Knows nothing of what is asked.
"""

from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    piechart,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from deploy.grafana.queries import CLICKHOUSE, PROMETHEUS, Sql

Panel: TypeAlias = barchart.Panel | piechart.Panel | stat.Panel | table.Panel | timeseries.Panel
AnyPanel = TypeVar(
    "AnyPanel", barchart.Panel, piechart.Panel, stat.Panel, table.Panel, timeseries.Panel
)
Target: TypeAlias = Builder[Dataquery]

_STAT_HEIGHT, _HEIGHT = 4, 8


def numbers(title: str, sql: str, about: str, *, width: int = 24) -> stat.Panel:
    """Return one row of SQL as large numbers, one for each column."""
    panel = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/"))
        .graph_mode(look.BigValueGraphMode.NONE)
        .color_mode(look.BigValueColorMode.NONE)
        .text_mode(look.BigValueTextMode.VALUE_AND_NAME)
    )
    return _asks(panel, title, sql, about, width).height(_STAT_HEIGHT)


def rows(
    title: str,
    sql: str,
    about: str,
    *,
    width: int = 12,
    links: dict[str, tuple[str, str]] | None = None,
    units: dict[str, str] | None = None,
) -> table.Panel:
    """Return SQL as a table; `links` has a title and a URL for columns, `units` Grafana's units."""
    panel = _asks(table.Panel().filterable(True), title, sql, about, width)
    names = [*dict.fromkeys([*(links or {}), *(units or {})])]
    for name in names:
        properties = []
        if links and name in links:
            link = DashboardLink(links[name][0]).url(links[name][1]).build()
            properties.append(DynamicConfigValue("links", [link]))
        if units and name in units:
            properties.append(DynamicConfigValue("unit", units[name]))
        panel.override_by_name(name, properties)
    return panel


def lines(
    title: str, sql: str, about: str, *, width: int = 12, unit: str = "short"
) -> timeseries.Panel:
    """Return SQL over time as lines."""
    return _asks(_drawn(unit), title, sql, about, width)


def stacked(
    title: str, sql: str, about: str, *, width: int = 12, unit: str = "short"
) -> timeseries.Panel:
    """Return SQL over time as bars on top of each other: parts that add up."""
    panel = (
        _drawn(unit)
        .draw_style(look.GraphDrawStyle.BARS)
        .fill_opacity(70)
        .stacking(common.StackingConfig().mode(look.StackingMode.NORMAL))
    )
    return _asks(panel, title, sql, about, width)


def bars(title: str, sql: str, about: str, *, width: int = 12) -> barchart.Panel:
    """Return SQL as horizontal bars: the first column names them."""
    panel = barchart.Panel().orientation(look.VizOrientation.HORIZONTAL)
    return _asks(panel, title, sql, about, width)


def shares(title: str, sql: str, about: str, *, width: int = 6) -> piechart.Panel:
    """Return SQL as shares of a whole: the first column names them."""
    panel = piechart.Panel().reduce_options(common.ReduceDataOptions().values(True))
    return _asks(panel, title, sql, about, width)


def metrics(
    title: str, targets: list[Target], about: str, *, width: int = 8, unit: str = "short"
) -> timeseries.Panel:
    """Return PromQL over time as lines."""
    panel = _drawn(unit).title(title).description(about).datasource(PROMETHEUS)
    return panel.targets(targets).span(width).height(_HEIGHT)


def _drawn(unit: str) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).placement(look.LegendPlacement.BOTTOM)
    return (
        timeseries.Panel()
        .unit(unit)
        .min(0)
        .fill_opacity(10)
        .show_points(look.VisibilityMode.AUTO)
        .legend(legend.display_mode(look.LegendDisplayMode.LIST))
        .tooltip(common.VizTooltipOptions().mode(look.TooltipDisplayMode.MULTI))
    )


def _asks(panel: AnyPanel, title: str, sql: str, about: str, width: int) -> AnyPanel:
    panel.title(title).description(about).datasource(CLICKHOUSE).with_target(Sql(sql))
    panel.span(width).height(_HEIGHT)
    return panel
