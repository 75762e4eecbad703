"""A file of sites that changes while everything runs: SIGHUP reaches workers, consumer and tables.

And one that breaks: the old one holds, also for a worker that is killed and started again.
"""

import os
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.all_in_one import AllInOneProcess
from tests.support.raw_http import get
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]

SHOP = '[[site]]\nkey = "shop"\n'
BLOG = '[[site]]\nkey = "blog"\nretention_days = 90\n'


def ready(heliograph: AllInOneProcess) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(get(heliograph.admin_port, "/readyz").body)
    return answer


def retention(heliograph: AllInOneProcess) -> str:
    question = "SELECT engine_full FROM system.tables WHERE name = 'hits'"
    return next((str(row["engine_full"]) for row in heliograph.rows(question)), "")


def test_a_file_of_sites_changes_and_breaks(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(SHOP)
    settings = {
        "collector.workers": 1, "collector.sites_file": file, "collector.unknown_sites": "refuse",
    }  # fmt: skip
    with AllInOneProcess(tmp_path, settings) as heliograph:
        for site in ("shop", "blog"):
            assert get(heliograph.port, f"/p.gif?site={site}&e=first").status == 200

        file.write_text(SHOP + BLOG)
        heliograph.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: "transform(site, ['blog'], [90], 395)" in retention(heliograph),
            what="blog's retention",
        )
        wait_until(lambda: f"{file}: read again" in heliograph.output, what="a reload")
        get(heliograph.port, "/p.gif?site=blog&e=second")

        file.write_text("[[site")
        heliograph.process.send_signal(signal.SIGHUP)
        notes = wait_until(lambda: ready(heliograph)["notes"], what="a note")
        assert "sites.toml" in notes["collector.w0"]
        assert ready(heliograph)["ready"]

        (worker,) = heliograph.pids("collector")
        os.kill(worker, signal.SIGKILL)
        wait_until(
            lambda: (
                heliograph.pids("collector") not in ([], [worker]) and ready(heliograph)["ready"]
            ),
            what="a new worker",
        )
        for site in ("blog", "other"):
            assert get(heliograph.port, f"/p.gif?site={site}&e=third").status == 200
        rows = heliograph.wait_for_rows("SELECT site, event FROM hits ORDER BY received_at", 3)
        found = [(row["site"], row["event"]) for row in rows]
        assert found == [("shop", "first"), ("blog", "second"), ("blog", "third")]
        assert "transform(site, ['blog'], [90], 395)" in retention(heliograph)
