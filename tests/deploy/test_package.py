"""The wheel has what a collector needs, and no sources of what was built before."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]


def test_wheel_has_the_built_tag_and_needs_no_npm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        names = packed.namelist()
        assert packed.read("collector/pages/px.js") == (ROOT / "collector/pages/px.js").read_bytes()
    assert not [name for name in names if name.startswith("collector/tag/")]
    assert not [name for name in names if "node_modules" in name]
