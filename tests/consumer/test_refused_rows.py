"""The search for refused rows, with a check that hints rightly, wrongly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.refused_rows import SAMPLE, refused_rows
from consumer.store_errors import StoreError
from schemas.delivery import Batch, SinkAway


class FakeCheck:
    """Refuses lines that begin with ``bad``; `hint` says how its error names the row."""

    def __init__(self, hint: str) -> None:
        self.calls = 0
        self._hint = hint

    async def __call__(self, data: bytes) -> StoreError | None:
        self.calls += 1
        rows = data.splitlines()
        bad = next((at for at, row in enumerate(rows, 1) if row.startswith(b"bad")), 0)
        if not bad:
            return None
        shown = {"right": bad, "none": 0, "wrong": len(rows) - bad + 1}[self._hint]
        return StoreError(27, f"Cannot parse {rows[bad - 1].decode()}: (at row {shown})")


def batch(rows: list[bytes]) -> Batch:
    data = b"".join(row + b"\n" for row in rows)
    return Batch("s", 100, 100 + len(data), data, len(rows), base=100)


@pytest.mark.parametrize("hint", ["right", "none", "wrong"])
@given(kinds=st.lists(st.sampled_from((b"good", b"good", b"bad")), min_size=1, max_size=40))
async def test_finds_rows_at_fault_and_no_others(hint: str, kinds: list[bytes]) -> None:
    rows = [b"%s-%d" % (kind, at) for at, kind in enumerate(kinds)]
    whole = batch(rows)
    bad = {
        position: row
        for position, row in zip(whole.row_positions(), rows, strict=True)
        if row.startswith(b"bad")
    }
    if not bad:
        with pytest.raises(SinkAway, match="takes each row"):
            await refused_rows(whole, FakeCheck(hint), refused_max=1000)
        return
    found = await refused_rows(whole, FakeCheck(hint), refused_max=1000)
    assert found
    assert found.keys() <= bad.keys()
    if hint != "wrong":
        assert found.keys() == bad.keys()
    assert all(bad[position].decode() in reason for position, reason in found.items())


async def test_a_refused_row_among_many_takes_few_checks() -> None:
    check = FakeCheck("none")
    rows = [b"good"] * 5_000
    rows[3_333] = b"bad"
    assert len(await refused_rows(batch(rows), check, refused_max=10)) == 1
    assert check.calls < 25


async def test_stops_at_its_maximum() -> None:
    found = await refused_rows(batch([b"bad"] * 50), FakeCheck("right"), refused_max=10)
    assert len(found) == 10


async def test_a_table_that_refuses_the_sample_is_at_fault() -> None:
    async def check(data: bytes) -> StoreError | None:
        return StoreError(53, "Type mismatch") if data == SAMPLE else None

    with pytest.raises(SinkAway, match="heliograph migrate"):
        await refused_rows(batch([b"bad"]), check, refused_max=10)
