"""The official npm package @clickhouse/client, unchanged, driven by tests/node/store_client.mjs."""

import pytest

from tests.support.node import NODE, installed, run
from tests.support.store import StoreProcess

pytestmark = [pytest.mark.real, pytest.mark.node]


def test_official_client(store: StoreProcess, table: str) -> None:
    assert run(installed(), "node", "store_client.mjs", store.url, table) == "ok\n"


def test_lockfile_names_no_registry() -> None:
    assert "resolved" not in (NODE / "package-lock.json").read_text()
