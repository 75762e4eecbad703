"""Markdown tables that line up in a terminal too: verdicts, and figures by peer.

Pure: numbers in, text out. A figure is shown as its median with the range of the rounds.
"""

import re
from collections.abc import Mapping, Sequence

from bench.records import Spread, ratios, spread
from bench.samples import Sample
from bench.targets import OURS, Verdict

PEERS_ACROSS_MAX = 3  # with more of them, peers are rows
_WORDS = {"cpu": "CPU", "us": "µs", "rss": "RSS", "mib": "MiB", "mb": "MB", "http": "HTTP"}


def targets(judged: Sequence[Verdict]) -> str:
    """Return the table of targets: what, limit, seen, verdict."""
    rows = []
    for verdict in judged:
        sign = "≥" if verdict.target.at_least is not None else "≤"
        holds = {True: "holds", False: "MISSED", None: "not measured"}[verdict.holds]
        rounds = f"{verdict.rounds}" if verdict.rounds else ""
        limit = f"{sign} {verdict.limit:,g}"
        rows.append((verdict.target.what, limit, shown(verdict.seen), rounds, holds))
    return table(("what", "target", "seen (range of rounds)", "rounds", ""), rows)


def figures(by_name: Mapping[str, Sequence[float]]) -> str:
    """Return figures named `peer.what_unit` or `what_unit`: a row for each of the fewer."""
    cells: dict[tuple[str, str], str] = {}
    for full, values in by_name.items():
        peer, dot, what = full.partition(".")
        key = (peer, what) if dot else (OURS, full)
        cells[key] = shown(spread(list(values)))
    peers = list(dict.fromkeys(peer for peer, _ in cells))
    whats = list(dict.fromkeys(what for _, what in cells))
    if len(peers) <= PEERS_ACROSS_MAX:
        rows = [(titled(what), *(cells.get((peer, what), "") for peer in peers)) for what in whats]
        return table(("", *peers), rows)
    rows = [(peer, *(cells.get((peer, what), "") for what in whats)) for peer in peers]
    return table(("", *(titled(what) for what in whats)), rows)


def picked(
    by_name: Mapping[str, Sequence[float]], columns: Sequence[str], against: str = ""
) -> str:
    """Return a row for each peer with the figures named; the first one also against a peer's."""
    peers = [
        full.removesuffix(f".{columns[0]}") for full in by_name if full.endswith(f".{columns[0]}")
    ]
    theirs = by_name.get(f"{against}.{columns[0]}", ())
    rows = []
    for peer in peers:
        row = [peer]
        row += [shown(spread(list(by_name.get(f"{peer}.{what}", ())))) for what in columns]
        if against:
            row.append(shown(spread(ratios(by_name[f"{peer}.{columns[0]}"], theirs))))
        rows.append(row)
    head = ["", *(titled(what) for what in columns)]
    return table([*head, f"times {against}'s first"] if against else head, rows)


def of_samples(seen: Sequence[Sample]) -> str:
    """Return a table for each scenario of a bench that has samples."""
    parts = []
    for scenario in dict.fromkeys(sample.scenario for sample in seen):
        by_name: dict[str, list[float]] = {}
        for sample in seen:
            if sample.scenario == scenario:
                for what, value in sample.values.items():
                    by_name.setdefault(f"{sample.peer}.{what}", []).append(value)
        parts.append(f"### {titled(scenario)}\n\n{figures(by_name)}")
    return "\n".join(parts)


def titled(name: str) -> str:
    """Return a figure's name for a reader."""
    spaced = re.sub(
        r"\bp99 99?\b", lambda found: found[0].replace(" ", "."), name.replace("_", " ")
    )
    return " ".join(_WORDS.get(word, word) for word in spaced.split())


def shown(one: Spread | None) -> str:
    """Return a figure's median, and the range of the rounds if there is one."""
    if one is None:
        return ""
    if one.low == one.high:
        return number(one.median)
    return f"{number(one.median)} ({number(one.low)} to {number(one.high)})"


def number(value: float) -> str:
    """Return a number with three digits, or all before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up."""
    lines = [head, *rows]
    widths = [max(max(len(line[column]) for line in lines), 3) for column in range(len(head))]
    texts = [_row(line, widths) for line in lines]
    rule = _row(["-" * width for width in widths], widths)
    return "\n".join([texts[0], rule, *texts[1:]]) + "\n"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"
