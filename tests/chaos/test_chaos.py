"""The short form of ``make chaos``: half a minute of faults, by a fixed seed or CHAOS_SEED."""

import os
from pathlib import Path

import pytest

from tests.chaos.run import chaos, repeat, report
from tests.support.kafka import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(240)]

# This one has faults of each lane, and a full disk.
SEED = int(os.environ.get("CHAOS_SEED", "1"))
MINUTES = 0.4


def test_every_answered_hit_is_one_row_whatever_breaks(tmp_path: Path) -> None:
    require_kafka()
    result = chaos(tmp_path, SEED, MINUTES)
    told = f"{report(result)}\nagain: {repeat(SEED, MINUTES)}"
    print(told)
    assert not result.verdict.faults, told
    assert result.verdict.answered > 1000
    assert len(result.injected) > 8
