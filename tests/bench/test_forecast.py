"""docs/capacity.md has what the simulation says of what was published."""

import pytest

from bench import forecast


@pytest.mark.slow
def test_the_page_is_what_is_simulated() -> None:
    made = forecast.published()
    page = forecast.PAGE.read_text(encoding="utf-8")
    assert page == forecast.written(page, made.text), "run `make bench-publish`"
    kept = {file.name: file.read_text("utf-8") for file in forecast.PICTURES.glob("*.svg")}
    assert kept == dict(made.pictures)


def test_text_goes_between_the_marks() -> None:
    page = f"# A\n\n{forecast.BEGIN}old\n{forecast.END}\nafter\n"
    once = forecast.written(page, "new\n")
    assert once == f"# A\n\n{forecast.BEGIN}\nnew\n\n{forecast.END}\nafter\n"
    assert forecast.written(once, "new\n") == once
