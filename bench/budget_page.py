"""The tables of docs/hot-path.md, from a result of the budget. Pure up to `publish`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "hot-path.md"
BEGIN, END = "<!-- budget: begin -->\n", "<!-- budget: end -->\n"

_STAGES = (
    ("known", "A known connection: its headers came before, 16 hits share a turn", (
        ("receive", "receive, compare the header block"),
        ("query", "check, split and decode the query"),
        ("build", "members, id, line"),
        ("commit", "journal (without its write), answers"),
        ("whole", "whole"),
    )),
    ("alone", "A request alone on its connection, whose headers came before", (
        ("whole", "whole"),
    )),
    ("stranger", "A request alone on its connection, of a visitor never seen", (
        ("head", "parse the headers"),
        ("facts", "understand them: cookie, consent, address, agent"),
        ("build", "query, members, id, line"),
        ("commit", "journal (without its write), answers"),
        ("whole", "whole"),
    )),
)  # fmt: skip
_PEERS = (
    ("nginx", "nginx, `empty_gif`, access log"),
    ("floor", "floor: uvloop answering without looking"),
    ("heliograph", "Heliograph"),
)
_PAUSES = (
    ("gc_0", "garbage, generation 0"),
    ("gc_1", "garbage, generation 1"),
    ("gc_2", "garbage, generation 2"),
    ("tick", "tick: time-outs, Date, status"),
    ("flush", "a turn's end: build, write, answer"),
    ("journal", "of that, the journal's write"),
)


def publish(kept: Mapping[str, Any]) -> None:
    """Put the tables between the marks of the page."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{tables(kept)}{END}{rest.split(END)[1]}")


def tables(kept: Mapping[str, Any]) -> str:
    """Return all tables as Markdown."""
    run, figures = kept["run"], kept["result"]["figures"]
    machine = ", ".join(f"{name} {value}" for name, value in run["machine"].items() if value)
    rows: list[tuple[str, ...]]
    head: tuple[str, ...]
    parts = [f"Measured {run['started_at']} at commit {run['commit']}: {machine}."]
    for walk, title, stages in _STAGES:
        rows = [
            (
                what,
                _value(figures, f"{walk}_{stage}_us", ".2f"),
                _value(figures, f"{walk}_{stage}_instructions", ",.0f"),
            )
            for stage, what in stages
        ]
        parts.append(_table(f"### {title}", ("stage, in process", "µs", "instructions"), rows))
    for walk, title in (("known", "keep-alive"), ("alone", "one request per connection")):
        rows = [
            (
                what,
                *(
                    _value(figures, f"{peer}.{walk}_{unit}_us", ".1f")
                    for unit in ("cpu", "user", "system")
                ),
                _ratio(figures, walk, peer),
            )
            for peer, what in _PEERS
        ]
        head = ("server", "CPU µs", "user", "system", "requests/CPU s, vs nginx")
        parts.append(_table(f"### Whole processes, 64 connections, {title}", head, rows))
    rows = [
        (
            what,
            *(
                _value(figures, f"pause_{name}_{unit}", form)
                for unit, form in (("count", ",.0f"), ("max_us", ",.0f"), ("sum_ms", ",.1f"))
            ),
        )
        for name, what in _PAUSES
    ]
    rows.append(
        (
            "ready, but the machine ran others",
            "",
            "",
            _value(figures, "pause_unscheduled_ms_per_s", ",.1f") + " a second",
        )
    )
    head = ("at 20,000 requests/s", "times", "longest, µs", "in all, ms")
    parts.append(_table("### What holds a worker up", head, rows))
    parts += kept["result"]["notes"]
    return "\n\n".join(parts) + "\n"


def _ratio(figures: Mapping[str, Sequence[float]], walk: str, peer: str) -> str:
    pairs = zip(
        figures.get(f"nginx.{walk}_cpu_us", ()),
        figures.get(f"{peer}.{walk}_cpu_us", ()),
        strict=False,
    )
    ratios = [nginx / own for nginx, own in pairs]
    return f"{median(ratios):.2f}" if ratios else ""


def _value(figures: Mapping[str, Sequence[float]], name: str, form: str) -> str:
    return format(median(figures[name]), form) if figures.get(name) else "-"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["-" * len(cell) for cell in head], *rows]
    return f"{title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)
