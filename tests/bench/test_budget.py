"""The budget: its stages are what a whole hit does, and the page is what the result says."""

import shutil
from pathlib import Path

import pytest

from bench import budget, budget_page
from bench.budget_stages import stages
from bench.scenario import ScenarioOptions


def test_stages_of_both_walks_run_again_and_again() -> None:
    with stages() as found:
        assert {stage.walk for stage in found} == {"known", "alone", "stranger"}
        for stage in found:
            stage.run()


def test_the_page_shows_the_published_result() -> None:
    assert budget_page.tables(budget.read()) in budget_page.PAGE.read_text()


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_short_form_measures_all(tmp_path: Path) -> None:
    figures = budget.measure(ScenarioOptions(0.5, True, 1, tmp_path)).figures
    for name in ("known_whole_us", "alone_whole_us", "heliograph.alone_system_us",
                 "pause_flush_max_us"):  # fmt: skip
        assert figures[name]
    assert bool(figures.get("known_whole_instructions")) == bool(shutil.which("valgrind"))
