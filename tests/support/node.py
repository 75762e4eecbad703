"""The folders in which tests run Node.js: copies of folders of the tree, with their packages.

A copy is kept under .cache, so that packages are installed once. A missing Node.js is a failure in
CI and a skip elsewhere.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests" / "node"
CACHE = ROOT / ".cache"


def installed(folder: Path = NODE) -> Path:
    """Return a copy of a folder, with the packages of its lockfile."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        reason = "Node.js ≥ 20 with npm is not installed (apt-get install nodejs npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    copy = CACHE / folder.name
    shutil.copytree(folder, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    lock = (folder / "package-lock.json").read_bytes()
    done = copy / "installed-lock.json"
    if not done.exists() or done.read_bytes() != lock:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=copy, check=True)
        done.write_bytes(lock)
    return copy


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder and return what it printed; its failure is the test's."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
