"""The official npm package @clickhouse/client, unchanged, driven by tests/node/store_client.mjs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.store import ROOT, StoreProcess

NODE = ROOT / "tests" / "node"
CACHE = ROOT / ".cache" / "node"

pytestmark = [pytest.mark.real, pytest.mark.node]


@pytest.fixture(scope="module")
def installed() -> Path:
    """A folder with the script and its package, installed from the lockfile once."""
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


def test_official_client(store: StoreProcess, table: str, installed: Path) -> None:
    done = subprocess.run(
        ["node", "store_client.mjs", store.url, table],
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_lockfile_names_no_registry() -> None:
    assert "resolved" not in (NODE / "package-lock.json").read_text()
