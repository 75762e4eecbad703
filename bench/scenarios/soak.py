"""Hours of steady load on the whole path: memory, open files and latency over time.

An hour by default, any length with ``--seconds``; one round, whatever is asked. From it comes what
100 million hits would do to the collector's memory: the median slope since the first million, drawn
on. A short soak sees little more than the noise of the allocator, and says so.
"""

from itertools import pairwise
from statistics import median

from bench.journal_path import journal_path, over_time
from bench.rig import Figures, core_notes, percentiles
from bench.scenario import Points, ScenarioOptions, ScenarioResult

NAME = "soak"
ABOUT = "Memory, open files and latency of every part over hours of steady load."
SECONDS = 3_600.0
RATE_PER_SECOND = 20_000.0
QUICK_RATE_PER_SECOND = 500.0
LOOKS = 240
SLICES = 60
PARTS = ("collector", "consumer", "store")
MILLION = 1e6
TOLD_HITS = 20e6  # fewer say nothing of 100 million


def run(options: ScenarioOptions) -> ScenarioResult:
    """Soak once."""
    rate = QUICK_RATE_PER_SECOND if options.quick else RATE_PER_SECOND
    slice_seconds = options.seconds / SLICES
    looked: dict[str, list[tuple[float, float, float]]] = {part: [] for part in PARTS}
    with journal_path(options.folder) as path:

        def look(passed: float) -> bool:
            for part in PARTS:
                looked[part].append((passed, *path.memory(part)))
            return True

        poll_seconds = options.seconds / LOOKS
        outcome = path.put_and_watch(rate, options.seconds, look, poll_seconds, slice_seconds)
        behind_seconds = path.wait_until_stored()
    figures = Figures()
    figures.add("", percentiles(outcome.corrected))
    values = {
        "hits": path.sent_hits,
        "unsent_requests": outcome.unsent,
        "all_rows_after_s": behind_seconds,
    }
    figures.add("", values)
    series: dict[str, Points] = {"p99 (ms) over time (s)": over_time([outcome], slice_seconds, 99)}
    for part, seen in looked.items():
        series[f"{part}: resident memory (MB) over time (s)"] = [(s, b / 1e6) for s, b, _ in seen]
        series[f"{part}: open files over time (s)"] = [(s, files) for s, _, files in seen]
        values = {
            "rss_bytes_end": seen[-1][1],
            "rss_end_over_middle_ratio": seen[-1][1] / seen[len(seen) // 2][1],
            "open_files_end": seen[-1][2],
            "open_files_most": max(files for _, _, files in seen),
        }
        figures.add("", values, f"{part}_")
    notes = core_notes()
    if ratio := _drawn_on([(s * rate, b) for s, b, _ in looked["collector"]]):
        figures.add("", {"rss_100m_over_1m_ratio": ratio})
        if path.sent_hits < TOLD_HITS:
            notes.append(f"{path.sent_hits / MILLION:.1f} M hits are few to draw on.")
    return ScenarioResult(NAME, figures.by_name, series, notes)


def _drawn_on(seen: list[tuple[float, float]]) -> float:
    """Return memory at 100 million hits as a ratio to that at one million; 0 if too few were sent.

    The slope is the median of those between neighbours a tenth apart, so a single step of the
    allocator, up or down, does not make it.
    """
    after = [point for point in seen if point[0] >= MILLION]
    step = max(len(after) // 10, 1)
    slopes = [
        (bytes_2 - bytes_1) / (hits_2 - hits_1)
        for (hits_1, bytes_1), (hits_2, bytes_2) in pairwise(after[::step])
    ]
    if not slopes:
        return 0.0
    first = after[0][1]
    return (first + median(slopes) * 99 * MILLION) / first
