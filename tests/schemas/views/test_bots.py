"""How many programs the store's own patterns find, and that they take no browser for one.

The collector knows more (collector/agents.py, by list); these patterns can be bettered for what
is stored. The browsers are a month's sample, in npm's package user-agents.
"""

import os
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from tests.schemas.views.reports import Reports
from tests.schemas.views.test_enrichment import derived
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

BROWSERS = "user-agents@2.1.198"


def bots(store: StoreProcess, agents: list[str]) -> list[str]:
    """Return the agents that are taken for programs."""
    found = derived(store, [{"user_agent": agent} for agent in agents], "device_type")
    return [agent for agent, (kind,) in zip(agents, found, strict=True) if kind == "bot"]


def test_most_crawlers_are_found(reports: Reports, store: StoreProcess) -> None:
    crawlers = sorted({one for row in CRAWLER_USER_AGENTS_DATA for one in row["instances"]})
    assert len(crawlers) > 2_000
    assert len(bots(store, crawlers)) / len(crawlers) > 0.89


@pytest.mark.node
def test_no_browser_is_taken_for_a_program(
    reports: Reports, store: StoreProcess, tmp_path: Path
) -> None:
    if shutil.which("npm") is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("npm is not installed (apt-get install npm)")
    for command in (
        ["npm", "pack", "--silent", BROWSERS],
        ["tar", "xzf", "user-agents-2.1.198.tgz"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    sample = orjson.loads((tmp_path / "package/dist/user-agents.json").read_bytes())
    browsers = sorted({row["userAgent"] for row in sample})
    assert len(browsers) > 900
    assert bots(store, browsers) == []
