"""The tables of a run, and that docs/performance.md is the published results."""

import pytest

from bench import report
from bench.samples import PUBLISHED, Run, Sample

RUN = Run("2026-11-24T06:00:00Z", "abc", "full", {"processor": "none", "nginx": ""})
THROUGHPUT = {
    "requests_per_second": 50_000.0,
    "requests_per_cpu_second": 100_000.0,
    "cpu_us_per_request": 10.0,
    "server_busy": 0.5,
    "client_busy": 1.0,
}


def test_a_run_is_told_in_tables() -> None:
    ours = THROUGHPUT | {"requests_per_cpu_second": 70_000.0}
    grown = {"hits": 1e6, "rss_bytes_before": 5e7, "rss_bytes": 5e7, "rss_growth": 1.0}
    text = report.hot(
        [
            Sample(RUN, "keep_alive", "nginx", 0, THROUGHPUT),
            Sample(RUN, "keep_alive", "heliograph", 0, ours),
            Sample(RUN, "million_hits", "heliograph", 0, grown),
        ]
    )
    assert "nginx" not in text.splitlines()[0], "what is not there is not named"
    assert "50,000" in text
    assert "0.70" in text
    assert "MISSED" in text
    assert "not measured" in text
    assert "half of nginx" not in text.partition("### Targets")[0]


def test_the_consumers_run_is_told_too() -> None:
    text = report.pump(
        [
            Sample(RUN, "journal_to_store", "heliograph", number, {"hits_per_cpu_second": rate})
            for number, rate in enumerate((310_000.0, 305_000.0, 200_000.0))
        ]
    )
    assert "305,000 (200,000 to 310,000)" in text
    assert "holds" in text


def test_table_rows_line_up() -> None:
    text = report.hot([Sample(RUN, "keep_alive", "nginx", 0, THROUGHPUT)])
    for table in text.split("### ")[1:]:
        assert len({len(line) for line in table.splitlines() if line.startswith("|")}) == 1


def test_the_page_is_what_was_published() -> None:
    if not list(PUBLISHED.glob("*.ndjson")):
        pytest.skip("nothing was published yet")
    assert report.PAGE.read_text() == report.page()
