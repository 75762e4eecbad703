"""Pictures of results as SVG: bars with their spread, and lines over an axis.

Written by hand, since two kinds of picture need no library: the files are small, the same input
gives the same bytes, and a style sheet inside follows the reader's light or dark screen. Pure:
numbers in, text out. Knows nothing of scenarios.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

WIDTH = 760
MARGIN = 16
CHARACTER = 6.6  # an average letter at 12 px; texts are placed by it
ROW = 26
PLOT_HEIGHT = 250
LINE_COLOURS = 8
DOTS = "measured"  # how the name of a series ends that is drawn as dots
_DASHES = ("", ' stroke-dasharray="7 3"', ' stroke-dasharray="2 3"', ' stroke-dasharray="9 3 2 3"')
_STYLE = """\
.ground{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.grid{stroke:#d1d9e0}
.target{stroke:#b35900;stroke-dasharray:5 3;stroke-width:1.5}.said{fill:#b35900}
.spread{stroke:#1f2328;stroke-width:1.5}.bar{fill:#a8b3bd}.ours{fill:#0a66c2}
.l0{--c:#0a66c2}.l1{--c:#c4501b}.l2{--c:#1a7f37}.l3{--c:#8250df}
.l4{--c:#0b7a75}.l5{--c:#a4760a}.l6{--c:#bf3989}.l7{--c:#59636e}
.line{fill:none;stroke:var(--c);stroke-width:2}.dot{fill:var(--c)}
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.title{font-size:15px;font-weight:600}
.over{paint-order:stroke;stroke:#ffffff;stroke-width:4px;stroke-linejoin:round}
@media (prefers-color-scheme:dark){
.over{stroke:#0d1117}
.ground{fill:#0d1117}.ink{fill:#f0f6fc}.soft{fill:#9198a1}.grid{stroke:#3d444d}
.target{stroke:#f0a04b}.said{fill:#f0a04b}.spread{stroke:#f0f6fc}.bar{fill:#5b6670}.ours{fill:#4aa3ff}
.l0{--c:#4aa3ff}.l1{--c:#ff8f5e}.l2{--c:#56d364}.l3{--c:#bc8cff}
.l4{--c:#4ad4cd}.l5{--c:#e3b341}.l6{--c:#f778ba}.l7{--c:#9198a1}
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a picture of bars."""

    label: str
    value: float
    low: float
    high: float
    text: str
    """What stands at its end."""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A target: a line across the picture, named."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows; a logarithmic one has decades."""

    title: str
    log: bool = False


def bars(title: str, rows: Sequence[Bar], mark: Mark | None = None) -> str:
    """Return a picture of horizontal bars from 0, each with the range of its rounds."""
    left = MARGIN + max(len(row.label) for row in rows) * CHARACTER + 8
    right = MARGIN + max(len(row.text) for row in rows) * CHARACTER + 12
    top = 52 + (18 if mark else 0)
    height = top + len(rows) * ROW + MARGIN
    most = max([row.high for row in rows] + ([mark.at] if mark else [])) or 1.0
    scale = (WIDTH - left - right) / most
    parts = [_text(MARGIN, 28, title, "ink title")]
    for number, row in enumerate(rows):
        parts += _bar(row, left, top + number * ROW, scale)
    if mark:
        x = left + mark.at * scale
        parts.append(_rule(x, top - 6, x, height - MARGIN + 2, "target"))
        inside = x + len(mark.text) * CHARACTER / 2 < WIDTH - MARGIN
        parts.append(_text(x, top - 11, mark.text, "said", "middle" if inside else "end"))
    for number, row in enumerate(rows):
        end = left + max(row.high, row.value) * scale
        parts.append(_text(end + 8, top + number * ROW + ROW / 2 + 1, row.text, "ink over"))
    return _picture(title, height, parts)


def _bar(row: Bar, left: float, y: float, scale: float) -> list[str]:
    width = max(row.value * scale, 1)
    middle = y + ROW / 2 - 3
    parts = [
        _text(left - 8, middle + 4, row.label, "ink", "end"),
        f'<rect class="{"ours" if row.ours else "bar"}" x="{left:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{ROW - 6}" rx="2"/>',
    ]
    if row.low < row.high:
        low, high = left + row.low * scale, left + row.high * scale
        parts.append(_rule(low, middle, high, middle, "spread"))
        parts += [_rule(x, middle - 4, x, middle + 4, "spread") for x in (low, high)]
    return parts


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_axis: Axis,
    y_axis: Axis,
    marks: Sequence[Mark] = (),
) -> str:
    """Return a picture of lines. Those named `A, x` and `A, y` share a colour and differ in dashes.

    A series whose name ends with `measured` is dots.
    """
    looks = _looks(list(series))
    legend, legend_rows = _legend(looks)
    top = 44 + legend_rows * 18 + 22
    height = top + PLOT_HEIGHT + 50
    xs = [x for points in series.values() for x, _ in points if isfinite(x)]
    ys = [y for points in series.values() for _, y in points if isfinite(y)]
    ys += [mark.at for mark in marks]
    y_ticks = ticks(min(ys), max(ys), log=y_axis.log)
    x_ticks = ticks(min(xs), max(xs), log=x_axis.log, tight=True)
    left = MARGIN + max(len(number(tick)) for tick in y_ticks) * CHARACTER + 10
    x_scale = _Scale(min(xs), max(xs), left, WIDTH - MARGIN - 12, log=x_axis.log)
    y_scale = _Scale(y_ticks[0], y_ticks[-1], top + PLOT_HEIGHT, top, log=y_axis.log)
    parts = [_text(MARGIN, 28, title, "ink title"), *legend]
    parts.append(_text(MARGIN, top - 12, y_axis.title, "soft"))
    for tick in y_ticks:
        parts.append(_rule(left, y_scale(tick), WIDTH - MARGIN, y_scale(tick), "grid"))
        parts.append(_text(left - 6, y_scale(tick) + 4, number(tick), "soft", "end"))
    for tick in x_ticks:
        x = x_scale(tick)
        parts.append(_text(x, top + PLOT_HEIGHT + 18, number(tick), "soft", "middle"))
    parts.append(_text(WIDTH - MARGIN, top + PLOT_HEIGHT + 38, x_axis.title, "soft", "end"))
    for name, points in series.items():
        placed = [(x_scale(x), y_scale(y)) for x, y in points if isfinite(y)]
        parts.append(_series(name, placed, looks[name]))
    for mark in marks:
        y = y_scale(mark.at)
        parts.append(_rule(left, y, WIDTH - MARGIN, y, "target"))
        parts.append(_text(WIDTH - MARGIN, y - 5, mark.text, "said", "end"))
    return _picture(title, height, parts)


def _looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return each line's class and dashes."""
    colours: dict[str, int] = {}
    dashes: dict[str, int] = {}
    for name in names:
        family, _, member = name.partition(", ")
        colours.setdefault(family, len(colours) % LINE_COLOURS)
        dashes.setdefault(member, len(dashes) % len(_DASHES))
    looks = {}
    for name in names:
        family, _, member = name.partition(", ")
        looks[name] = (f"l{colours[family]}", _DASHES[dashes[member]])
    return looks


def _series(name: str, placed: Sequence[tuple[float, float]], look: tuple[str, str]) -> str:
    colour, dashes = look
    if name.endswith(DOTS) or len(placed) == 1:
        circles = (f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in placed)
        return f'<g class="{colour}">{"".join(circles)}</g>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    return f'<g class="{colour}"><polyline class="line"{dashes} points="{path}"/></g>'


def _legend(looks: Mapping[str, tuple[str, str]]) -> tuple[list[str], int]:
    """Return swatches with names, and how many rows they take."""
    parts, x, row = [], float(MARGIN), 0
    for name, (colour, dashes) in looks.items():
        width = 28 + len(name) * CHARACTER + 16
        if x + width > WIDTH - MARGIN and x > MARGIN:
            x, row = float(MARGIN), row + 1
        y = 50 + row * 18
        shape = (
            f'<circle class="dot" cx="{x + 11:.1f}" cy="{y - 4}" r="4"/>'
            if name.endswith(DOTS)
            else f'<path class="line"{dashes} d="M{x:.1f} {y - 4}h22"/>'
        )
        parts.append(f'<g class="{colour}">{shape}</g>')
        parts.append(_text(x + 28, y, name, "ink"))
        x += width
    return parts, row + 1


class _Scale:
    """Places values between two ends of the picture."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool) -> None:
        self._log = log
        self._low, high = (log10(low), log10(high)) if log else (low, high)
        self._factor = (end - start) / ((high - self._low) or 1.0)
        self._start = start

    def __call__(self, value: float) -> float:
        at = log10(value) if self._log and value > 0 else self._low if self._log else value
        return self._start + (max(at, self._low) - self._low) * self._factor


def ticks(low: float, high: float, *, log: bool = False, tight: bool = False) -> list[float]:
    """Return round numbers that span [low, high]; with `tight`, only those inside it."""
    if log:
        first, last = floor(log10(max(low, 1e-9))), ceil(log10(max(high, 1e-9)))
        decades = [10.0**power for power in range(first, max(last, first + 1) + 1)]
        return [tick for tick in decades if low <= tick <= high] if tight else decades
    low = low if tight else min(low, 0.0)
    raw = (high - low or 1.0) / 5
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = floor(low / step), ceil(high / step)
    every = [at * step for at in range(first, max(last, first + 1) + 1)]
    return [tick for tick in every if low <= tick <= high] if tight else every


def number(value: float) -> str:
    """Return a tick's text: short, with k and M."""
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= least:
            return f"{value / (1e3 if unit == 'k' else least):g}{unit}"
    return f"{value:g}"


def _picture(title: str, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    )
    ground = f'<rect class="ground" width="{WIDTH}" height="{height:.0f}" rx="6"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", ground, *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
