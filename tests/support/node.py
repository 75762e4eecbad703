"""The folder in which tests run Node.js: scripts of tests/node, packages of its lockfile.

A missing Node.js is a failure in CI and a skip elsewhere.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests" / "node"
CACHE = ROOT / ".cache" / "node"


def installed_node() -> Path:
    """Return the folder, with what the lockfile names installed once."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        reason = "Node.js ≥ 20 with npm is not installed (apt-get install nodejs npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (NODE / "package-lock.json").read_bytes()
    done = CACHE / "installed-lock.json"
    for source in NODE.iterdir():
        if source.is_file():
            shutil.copy(source, CACHE / source.name)
    if not done.exists() or done.read_bytes() != lock:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CACHE, check=True)
        done.write_bytes(lock)
    return CACHE
