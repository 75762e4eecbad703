"""The official npm package @clickhouse/client, unchanged, driven by tests/node/store_client.mjs."""

import subprocess
from pathlib import Path

import pytest

from tests.support.node import NODE, installed_node
from tests.support.store import StoreProcess

pytestmark = [pytest.mark.real, pytest.mark.node]


@pytest.fixture(scope="module")
def installed() -> Path:
    """A folder with the script and its package."""
    return installed_node()


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
