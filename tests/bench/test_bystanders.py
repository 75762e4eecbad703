"""Other work is told from our own."""

import subprocess
import sys

from bench import bystanders
from bench.bystanders import Bystanders

BURN = "import time\nwhile time.process_time() < 0.4: pass"


def test_our_own_work_is_not_that_of_others() -> None:
    before = bystanders._own_seconds()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert 0.4 <= bystanders._own_seconds() - before < 5


def test_all_work_has_ours_in_it() -> None:
    before = bystanders._all_seconds()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert bystanders._all_seconds() - before >= 0.38


def test_others_are_named_when_they_were_busy() -> None:
    watch = Bystanders()
    burning = subprocess.Popen([sys.executable, "-c", BURN.replace("0.4", "30")])
    try:
        subprocess.run([sys.executable, "-c", BURN], check=True)
        # It has not ended, so its time is not our children's yet: as good as anybody's.
        assert "Other work" in watch.note()
    finally:
        burning.kill()
        burning.wait()
