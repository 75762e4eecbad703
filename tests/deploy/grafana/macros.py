"""What Grafana and its ClickHouse data source make of a query before it is sent.

In their order: `$__conditionalAll` and template variables in the browser, then the macros in the
data source's server, version 4. What is left of a `$` afterwards is an error, so that a misspelt
macro or variable does not pass.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

# A variable's value: one text, several, or None for "All".
Chosen: TypeAlias = str | Sequence[str] | None

_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)")
_MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
_CONDITIONAL = "$__conditionalAll("


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at: the time range in ms since 1970, a bar's width, chosen variables."""

    since_ms: int
    until_ms: int
    interval_seconds: int
    chosen: Mapping[str, Chosen]


def expanded(sql: str, view: View) -> str:
    """Return the SQL that ClickHouse gets; raises ValueError for what Grafana does not know."""
    text = _conditions(sql, view)
    text = _VARIABLE.sub(lambda match: _variable(match, view), text)
    text = _MACRO.sub(lambda match: _macro(match, view), text)
    if "$" in text:
        raise ValueError(f"left over: {text[text.index('$') :]}")
    return text


def _conditions(sql: str, view: View) -> str:
    while (start := sql.rfind(_CONDITIONAL)) >= 0:
        condition, variable, end = _arguments(sql, start + len(_CONDITIONAL))
        name = variable.strip().strip("${}")
        holds = "1=1" if view.chosen[name] is None else condition
        sql = sql[:start] + holds + sql[end:]
    return sql


def _arguments(sql: str, start: int) -> tuple[str, str, int]:
    """Return the two arguments that begin at `start`, and where the call ends."""
    depth, commas = 1, []
    for index in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[index], 0)
        if sql[index] == "," and depth == 1:
            commas.append(index)
        if depth == 0:
            (comma,) = commas
            return sql[start:comma], sql[comma + 1 : index], index + 1
    raise ValueError(f"no end: {sql[start:]}")


def _variable(match: re.Match[str], view: View) -> str:
    name, form = match[1] or match[3], match[2]
    value = view.chosen[name]
    if value is None:
        raise ValueError(f"{name}: all values, without $__conditionalAll")
    values = [value] if isinstance(value, str) else list(value)
    if form == "singlequote":
        return ",".join("'" + one.replace("'", "\\'") + "'" for one in values)
    if form == "sqlstring":
        return ",".join("'" + one.replace("'", "''") + "'" for one in values)
    if form is None:
        # The data source's own way for several: it quotes, and escapes nothing.
        return value if isinstance(value, str) else "'" + "','".join(values) + "'"
    raise ValueError(f"{name}:{form}: a format that no query here uses")


def _macro(match: re.Match[str], view: View) -> str:
    name, argument = match[1], match[2]
    if name not in _MACROS:
        raise ValueError(f"no macro: {match[0]}")
    if name in ("fromTime", "toTime", "fromTime_ms", "toTime_ms"):
        # No arguments: a bracket after it is the query's own.
        return _MACROS[name]("", view) + (f"({argument})" if argument is not None else "")
    if not argument or "," in argument:
        raise ValueError(f"one argument: {match[0]}")
    return _MACROS[name](argument, view)


def _time(time_ms: int) -> str:
    return f"toDateTime({time_ms // 1000})"


def _time_ms(time_ms: int) -> str:
    return f"fromUnixTimestamp64Milli({time_ms})"


def _date(time_ms: int) -> str:
    return f"toDate('{_day(time_ms)}')"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


def _between(written: Callable[[int], str]) -> Callable[[str, View], str]:
    return lambda column, view: (
        f"{column} >= {written(view.since_ms)} AND {column} <= {written(view.until_ms)}"
    )


_MACROS: Mapping[str, Callable[[str, View], str]] = {
    "fromTime": lambda _, view: _time(view.since_ms),
    "toTime": lambda _, view: _time(view.until_ms),
    "fromTime_ms": lambda _, view: _time_ms(view.since_ms),
    "toTime_ms": lambda _, view: _time_ms(view.until_ms),
    "timeFilter": _between(_time),
    "timeFilter_ms": _between(_time_ms),
    "dateFilter": _between(_date),
    "timeInterval": lambda column, view: (
        f"toStartOfInterval(toDateTime({column}), INTERVAL {view.interval_seconds} second)"
    ),
}
