"""The tag's source: its types, its own tests, and that the file in the tree is built of it."""

from pathlib import Path

import pytest

from tests.support.node import ROOT, installed, run

TAG = ROOT / "collector" / "tag"
SHIPPED = ROOT / "collector" / "pages" / "px.js"

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def tag() -> Path:
    return installed(TAG)


def test_shipped_file_is_built_of_the_source(tag: Path, tmp_path: Path) -> None:
    built = tmp_path / "px.js"
    run(tag, "node", "build.mjs", str(built))
    assert built.read_bytes() == SHIPPED.read_bytes(), "run `make tag`"


def test_types_are_right(tag: Path) -> None:
    run(tag, "npm", "run", "check")


def test_it_does_what_it_says(tag: Path) -> None:
    run(tag, "npm", "test")


def test_pages_may_forbid_eval() -> None:
    script = SHIPPED.read_text()
    assert "eval(" not in script
    assert "Function(" not in script
    assert ".innerHTML" not in script


def test_lockfile_names_no_registry() -> None:
    assert "resolved" not in (TAG / "package-lock.json").read_text()
