"""`heliograph run`, as a person uses it: two commands, Ctrl-C, start again, a port that is taken.

The Makefile's own part (an environment from nothing) is what `.ci/run` does first.
"""

import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.all_in_one import AllInOneProcess
from tests.support.raw_http import get

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROW_SECONDS_MAX = 2.0
STOP_SECONDS_MAX = 10.0


def curl(*arguments: str) -> str:
    """Run curl as the README says; its output."""
    return subprocess.run(
        ["curl", "-sS", "--fail", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_curl_of_the_pixel_is_a_row_within_two_seconds(tmp_path: Path) -> None:
    with AllInOneProcess(tmp_path) as heliograph:
        curl("-o", str(tmp_path / "p.gif"), f"{heliograph.url}/p.gif?e=Signup&u=https://a.example/")
        answered = time.monotonic()
        (row,) = heliograph.wait_for_rows("SELECT event, url, ip FROM hits", 1, ROW_SECONDS_MAX)
        took = time.monotonic() - answered
        assert row == {"event": "Signup", "url": "https://a.example/", "ip": "::ffff:127.0.0.1"}
        assert (tmp_path / "p.gif").read_bytes().startswith(b"GIF89a")
        assert took < ROW_SECONDS_MAX


@pytest.mark.parametrize("database", ["default", "web"])
def test_welcome_says_what_to_try_and_it_works(tmp_path: Path, database: str) -> None:
    with AllInOneProcess(tmp_path, {"clickhouse.database": database}) as heliograph:
        said = heliograph.output
        pixel = _line(said, "pixel")
        assert pixel == f"{heliograph.url}/p.gif?e=PageView"
        curl("-o", "/dev/null", pixel)
        page = curl(_line(said, "try it"))
        assert "Heliograph" in page
        assert ("database=web" in page) == (database == "web")
        assert '"ready": true' in curl(_line(said, "health"))
        heliograph.wait_for_rows(f"SELECT event FROM {database}.hits", 1)
        program, *arguments = shlex.split(_line(said, "ask"))
        assert program == "curl"
        assert "PageView" in curl(*arguments)
        # Every process's lines carry its name.
        for name in ("store", "consumer", "collector.w0"):
            assert re.search(rf"^\d\d:\d\d:\d\d {re.escape(name)} ", said, re.MULTILINE)


def test_ctrl_c_stops_and_the_next_start_goes_on(tmp_path: Path) -> None:
    heliograph = AllInOneProcess(tmp_path, {"collector.workers": 1})
    with heliograph:
        get(heliograph.port, "/p.gif?e=Before")
        heliograph.wait_for_rows("SELECT event FROM hits", 1)
        began = time.monotonic()
        # Answered a moment before the end: in the journal, and stored now or at the next start.
        get(heliograph.port, "/p.gif?e=Last")
        assert heliograph.interrupt() == 0
        assert time.monotonic() - began < STOP_SECONDS_MAX
        assert "Traceback" not in heliograph.output
        heliograph.start()
        get(heliograph.port, "/p.gif?e=After")
        rows = heliograph.wait_for_rows("SELECT event FROM hits ORDER BY received_at, id", 3)
        assert [row["event"] for row in rows] == ["Before", "Last", "After"]
        (resumed,) = re.findall(r"journal data/journal/w0 at ([1-9]\d*)", heliograph.output)
        assert int(resumed) > 0


def test_sigterm_is_as_good_as_ctrl_c(tmp_path: Path) -> None:
    with AllInOneProcess(tmp_path) as heliograph:
        heliograph.process.send_signal(signal.SIGTERM)
        assert heliograph.process.wait(STOP_SECONDS_MAX) == 0


@pytest.mark.parametrize(
    "setting", ["collector.port", "collector.admin_port", "consumer.admin_port", "store.port"]
)
def test_taken_port_is_named_with_how_to_choose_another(tmp_path: Path, setting: str) -> None:
    heliograph = AllInOneProcess(tmp_path)
    with socket.create_server(("127.0.0.1", int(str(heliograph.settings[setting])))):
        heliograph.spawn()
        assert heliograph.process.wait(STOP_SECONDS_MAX) == 2
    variable = f"HELIOGRAPH_{setting}".replace(".", "_").upper()
    said = heliograph.output.strip()
    assert said == (
        f"port {heliograph.settings[setting]} is taken: choose another with --{setting} "
        f"or {variable}"
    )
    assert not (tmp_path / "data").exists()


def _line(said: str, name: str) -> str:
    found = re.search(rf"^  {name} +(.+)$", said, re.MULTILINE)
    assert found, said
    return found[1]
