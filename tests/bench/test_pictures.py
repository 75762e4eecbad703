"""Pictures are well-formed, inside their frame, and their axes have round numbers."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from bench.pictures import WIDTH, Axis, Bar, Mark, bars, lines, number, ticks

values = st.floats(min_value=1e-3, max_value=1e9)


@given(st.lists(st.tuples(values, values), min_size=2, max_size=20), st.booleans())
def test_lines_stay_inside_the_picture(points: list[tuple[float, float]], log: bool) -> None:
    picture = lines("A & B", {"a, p50": points}, Axis("x"), Axis("y", log=log), [Mark(2, "two")])
    root = ElementTree.fromstring(picture)
    height = float(root.get("height", "0"))
    for polyline in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for place in polyline.get("points", "").split():
            x, y = map(float, place.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= height


@given(st.lists(values, min_size=1, max_size=8))
def test_bars_stay_inside_the_picture(seen: list[float]) -> None:
    rows = [Bar(f"peer {v:g}", v, v / 2, v * 2, f"{v:,.0f}") for v in seen]
    root = ElementTree.fromstring(bars("Bars", rows, Mark(1.0, "nginx")))
    found = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    assert len(found) == len(rows)
    for bar in found:
        assert float(bar.get("x", "0")) + float(bar.get("width", "0")) <= WIDTH


@given(values, values, st.booleans())
def test_ticks_span_what_is_shown(low: float, high: float, log: bool) -> None:
    low, high = sorted((low, high))
    every = ticks(low, high, log=log)
    assert every == sorted(set(every))
    assert every[0] <= low * 1.001
    assert every[-1] >= high * 0.999
    assert len(every) <= 14


def test_ticks_are_short() -> None:
    assert [number(tick) for tick in ticks(0, 48_000)] == ["0", "10k", "20k", "30k", "40k", "50k"]
    assert [number(tick) for tick in ticks(0.3, 40, log=True)] == ["0.1", "1", "10", "100"]


def test_what_belongs_together_looks_alike() -> None:
    points = [(0.0, 1.0), (1.0, 2.0)]
    named = ("nginx, p50", "nginx, p99", "ours, p50", "ours, measured")
    picture = lines("T", dict.fromkeys(named, points), Axis("x"), Axis("y"))
    drawn = re.findall(r'<g class="(l\d)"><polyline class="line"( stroke[^ ]*"[^"]*")?', picture)
    assert [colour for colour, _ in drawn] == ["l0", "l0", "l1"]
    assert picture.count("<circle") == 1 + len(points)
