"""docs/delivery.md prints the table of restart cases as it is."""

from pathlib import Path

from schemas.restart_cases import CASES

PAGE = Path(__file__).parents[2] / "docs" / "delivery.md"


def test_the_page_has_every_case_as_it_is() -> None:
    text = PAGE.read_text()
    table = text[text.index("<!-- restart cases -->") : text.index("<!-- end -->")]
    rows = [row for row in table.splitlines() if row.startswith("| ")][1:]
    assert rows == [
        f"| {case.memory.value} | {case.held.value} | {case.action.value} | {case.why} |"
        for case in CASES
    ]
