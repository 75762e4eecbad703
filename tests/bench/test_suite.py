"""The suite: what runs in which order, what becomes of a scenario that fails or hangs."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import records, scenario, suite
from bench.suite import PLAN, Order
from bench.targets import targets
from tests.support.waiting import wait_until

RESULT = {"name": "latency", "figures": {"a": [1.0]}, "series": {}, "notes": ["n"], "skipped": ""}
PRINTS = f"print({json.dumps(json.dumps(RESULT))})"


@pytest.fixture
def ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Run `latency`, being this program; return what was said."""
    monkeypatch.setattr(records, "file_of", lambda form: tmp_path / f"{form}.ndjson")

    def run(program: str) -> list[str]:
        monkeypatch.setattr(suite, "_command", lambda *_: [sys.executable, "-c", program])
        said: list[str] = []
        said += [f"failed: {name}" for name in suite.run(Order("full", ["latency"]), said.append)]
        return said

    return run


def test_the_plan_is_of_scenarios_that_exist_and_targets_are_in_it() -> None:
    assert set(PLAN) <= set(scenario.names())
    assert {target.scenario for target in targets()} <= set(PLAN)
    assert sum(timing.takes_seconds for timing in PLAN.values()) <= 16 * 60
    assert suite.in_order(["soak", "a-new-one", "peers"]) == ["peers", "soak", "a-new-one"]


def test_a_result_is_kept(ordered: Callable[[str], list[str]], tmp_path: Path) -> None:
    said = ordered(PRINTS)
    assert said[0].startswith("[1/1] latency")
    assert "      note: n" in said
    assert records.read(tmp_path / "full.ndjson")["latency"].figure("a") == [1.0]


def test_a_failed_run_has_no_result(ordered: Callable[[str], list[str]], tmp_path: Path) -> None:
    ordered(PRINTS)
    said = ordered("raise SystemExit('no nginx here')")
    assert said[-1] == "failed: latency"
    assert "no nginx here" in said[-2]
    assert records.read(tmp_path / "full.ndjson") == {}


def test_what_hangs_is_ended_with_all_it_started(
    ordered: Callable[[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIMIT_TIMES", "LIMIT_SPARE_SECONDS"):
        monkeypatch.setattr(suite, name, 0.01)
    pid_file = tmp_path / "pid"
    child = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.pause()"
    said = ordered(
        "import subprocess, sys, pathlib, signal\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
        "signal.pause()"
    )
    assert "too long" in said[-2]
    if pid_file.exists():
        wait_until(lambda: not Path(f"/proc/{pid_file.read_text()}/fd/0").exists())


def test_flags_choose_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    given = command._arguments(["--skip", "soak", "--targets"])
    chosen = command._chosen(given, "full")
    assert "soak" not in chosen
    assert "peers" in chosen
    assert "mixed-traffic" not in chosen
    assert command.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(scenario.names())
