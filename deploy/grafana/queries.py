"""What panels ask: SQL of the ClickHouse data source and PromQL, as targets of the SDK.

The data sources are known by the uids that provisioning/datasources gives them. SQL with a column
`time` is drawn as series: a text column after it names the series. Filters by site are
`$__conditionalAll(…)`, which the data source turns into `1=1` for "All".
"""

import re
from typing import Any

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from deploy.grafana.metric_names import promql

CLICKHOUSE = DataSourceRef(type_val="grafana-clickhouse-datasource", uid="heliograph-clickhouse")
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="heliograph-prometheus")
# The data source takes a query without a version for one of before 4 and rewrites it.
_PLUGIN_VERSION = "4.0.0"
# Of the data source's own numbering.
_FORMAT_SERIES, _FORMAT_TABLE = 0, 1

# Each on a line of its own, for people who open the panel.
_CLAUSE = re.compile(r" (FROM|WHERE|GROUP BY|ORDER BY)\b")
_TIME = re.compile(r"\bAS time\b")

SITES = "$__conditionalAll(site IN (${site:singlequote}), $site)"


class ClickHouseQuery(Dataquery):
    """One SQL query as the ClickHouse data source saves it."""

    def __init__(self, sql: str, ref_id: str = "A") -> None:
        self.sql = sql
        self.ref_id = ref_id
        self.is_series = bool(_TIME.search(sql))

    def to_json(self) -> dict[str, Any]:
        """Return the target's JSON."""
        return {
            "refId": self.ref_id,
            "datasource": CLICKHOUSE.to_json(),
            "pluginVersion": _PLUGIN_VERSION,
            "editorType": "sql",
            "queryType": "timeseries" if self.is_series else "table",
            "format": _FORMAT_SERIES if self.is_series else _FORMAT_TABLE,
            "rawSql": self.sql,
        }


class Sql(Builder[Dataquery]):
    """Builds a `ClickHouseQuery`; `{sites}` in the text is the filter by the variable `site`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def build(self) -> ClickHouseQuery:
        """Return the query."""
        text = self._text.replace("{sites}", SITES)
        return ClickHouseQuery(_CLAUSE.sub(r"\n\1", text))


def series(expression: str, legend: str, ref_id: str = "A") -> prometheus.Dataquery:
    """Return PromQL over the range, marks for metrics in it."""
    return (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .expr(promql(expression))
        .legend_format(legend)
        .ref_id(ref_id)
        .range()
    )
