"""PromQL with metrics by their rows: `<collector_hits_total>` becomes the name that is served.

A name without a row is an error here, so that no dashboard and no alert can ask for what no process
reports.
"""

import re

from deploy.reference import METRIC_TABLES
from schemas.metric_table import PREFIX

_ROWS = {row.name: row for _, table in METRIC_TABLES for row in table}
_MARK = re.compile(r"<(\w+?)(_bucket|_sum|_count)?>")


def promql(text: str) -> str:
    """Return an expression with its marks replaced; raises KeyError for a metric without a row."""
    return _MARK.sub(_served, text)


def _served(mark: re.Match[str]) -> str:
    name, part = mark[1], mark[2] or ""
    if (_ROWS[name].kind == "histogram") != bool(part):
        raise KeyError(f"{name}{part}: only histograms have _bucket, _sum and _count")
    return PREFIX + name + part
