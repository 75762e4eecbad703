"""kill -9 of every kind of process, under load: each answered hit is one row.

The hits are pixel requests to a real `heliograph run`, counted by the id of each answered one.
"""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.all_in_one import AllInOneProcess
from tests.support.load import PixelLoad
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]

STORE = "deploy.embedded_store"
KILLS = 4
HITS_BETWEEN_KILLS = 150
RECOVERY_SECONDS_MAX = 60.0


@pytest.mark.parametrize(
    "victims",
    [
        ("collector",),
        ("consumer",),
        ("deploy.embedded_store",),
        ("consumer", STORE),
    ],
    ids=["worker", "consumer", "store", "consumer and store"],
)
def test_every_answered_hit_is_one_row(tmp_path: Path, victims: tuple[str, ...]) -> None:
    with AllInOneProcess(tmp_path, {"collector.workers": 2}) as heliograph:
        with PixelLoad(heliograph.port) as load:
            for _ in range(KILLS):
                _wait_for_more(load)
                killed = [_kill_one(heliograph, victim) for victim in victims]
                for victim, pid in zip(victims, killed, strict=True):
                    _wait_for_successor(heliograph, victim, pid)
            _wait_for_more(load)
        assert_each_is_one_row(heliograph, load)


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_store_is_away_while_hits_come_in(tmp_path: Path, seconds: float) -> None:
    with AllInOneProcess(tmp_path) as heliograph:
        with PixelLoad(heliograph.port) as load:
            (store,) = heliograph.pids(STORE)
            os.kill(store, signal.SIGSTOP)
            try:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    _wait_for_more(load)
            finally:
                os.kill(store, signal.SIGCONT)
        assert_each_is_one_row(heliograph, load)


def assert_each_is_one_row(heliograph: AllInOneProcess, load: PixelLoad) -> None:
    """Every answered hit is one row, and no other hit is more than one."""
    answered, cut_off = set(load.answered), set(load.cut_off)
    assert len(answered) == len(load.answered)
    asked = "SELECT event_id FROM hits WHERE event = 'Load'"
    wait_until(
        lambda: len(heliograph.rows(asked)) >= len(answered),
        RECOVERY_SECONDS_MAX,
        f"{len(answered)} rows",
    )
    rows = Counter(row["event_id"] for row in heliograph.rows(asked))
    assert [event_id for event_id, count in rows.items() if count > 1] == []
    assert answered - set(rows) == set()
    assert set(rows) - answered <= cut_off


def _wait_for_more(load: PixelLoad) -> None:
    before = len(load.answered)
    wait_until(
        lambda: len(load.answered) >= before + HITS_BETWEEN_KILLS, RECOVERY_SECONDS_MAX, "more hits"
    )


def _kill_one(heliograph: AllInOneProcess, module: str) -> int:
    pid = heliograph.pids(module)[0]
    os.kill(pid, signal.SIGKILL)
    return pid


def _wait_for_successor(heliograph: AllInOneProcess, module: str, killed: int) -> None:
    wanted = 2 if module == "collector" else 1
    wait_until(
        lambda: len(pids := heliograph.pids(module)) == wanted and killed not in pids,
        RECOVERY_SECONDS_MAX,
        f"a successor of {module}",
    )
