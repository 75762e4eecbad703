"""Writes docs/grafana-panels.md: what each panel asks, and answers on the known hits.

`make dashboards` runs it; a test compares what is committed with what this makes.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.grafana import known_hits
from tests.deploy.grafana.board import CLICKHOUSE, DASHBOARDS, ROOT, Answer, Board, Target
from tests.deploy.grafana.conftest import board_of, fill
from tests.support.store import StoreProcess

PAGE = Path("docs/grafana-panels.md")
ROWS_MAX = 6
CELL_CHARACTERS_MAX = 40

_HEAD = """# What the panels show

<!-- Written by `make dashboards`; change deploy/grafana. -->

Each panel of the dashboards of [grafana.md](grafana.md): its query, and the first rows of its
answer on the hits that the tests know ({hits} hits of {sites} sites), every variable as it is
at first.
"""


def page(board: Board, hits: list[dict[str, Any]]) -> str:
    """Return the page."""
    sites = len({one["site"] for one in hits})
    parts = [_HEAD.format(hits=f"{len(hits):,}", sites=sites)]
    for name in (
        "overview",
        "acquisition",
        "conversions",
        "email",
        "audiences",
        "pipeline",
        "quality",
    ):
        dashboard = DASHBOARDS[name]
        parts.append(f"## {dashboard['title'].removeprefix('Heliograph: ').capitalize()}\n")
        parts.append(f"{dashboard['description']}\n")
        for panel in dashboard["panels"]:
            parts += _panel(board, name, panel)
    return "\n".join(parts)


def _panel(board: Board, name: str, panel: dict[str, Any]) -> Iterator[str]:
    yield f"### {panel['title']}\n"
    yield f"{panel['description']} ({panel['type']})\n"
    for target in panel["targets"]:
        if target["datasource"]["type"] == CLICKHOUSE:
            yield f"```sql\n{target['rawSql']}\n```\n"
            yield _table(board.answer(Target(name, panel, target)))
        else:
            yield f"```promql\n{target['expr']}\n```\n"


def _table(answer: Answer) -> str:
    lines = [f"| {' | '.join(answer.columns)} |", f"|{'---|' * len(answer.columns)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in answer.rows[:ROWS_MAX]]
    more = len(answer.rows) - ROWS_MAX
    return "\n".join(lines) + (f"\n\n… and {more:,} more rows" if more > 0 else "") + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value).replace("|", "&#124;")
    return text if len(text) <= CELL_CHARACTERS_MAX else text[:CELL_CHARACTERS_MAX] + "…"


def main() -> None:
    """Write the page, of a store that is filled for it."""
    hits = known_hits.hits()
    with tempfile.TemporaryDirectory() as folder, StoreProcess(Path(folder)) as store:
        fill(store, hits)
        (ROOT / PAGE).write_text(page(board_of(store, hits), hits))
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
