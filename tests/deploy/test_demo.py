"""The demo: the same hits for the same seed, in the store once, and through a real collector."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.cli import main
from deploy.demo import to_store
from deploy.demo.month import Month
from schemas.hit import BY_NAME
from tests.support.all_in_one import AllInOneProcess
from tests.support.store import StoreProcess

TUESDAY = datetime(2026, 11, 3)


def made(month: Month, since: datetime, hours: int) -> list[dict[str, Any]]:
    batches = month.batches(since, since + timedelta(hours=hours))
    return [orjson.loads(line) for batch in batches for line in batch.data.splitlines()]


def test_a_day_is_the_same_however_it_is_asked_for() -> None:
    month = Month(7, 2_000)
    whole = made(month, TUESDAY, 24)
    assert whole == made(Month(7, 2_000), TUESDAY, 24)
    assert whole == [hit for hour in range(24) for hit in
                     made(month, TUESDAY + timedelta(hours=hour), 1)]  # fmt: skip
    assert made(Month(8, 2_000), TUESDAY, 24) != whole


def test_a_week_is_about_as_large_as_asked_and_whole() -> None:
    hits = made(Month(1, 3_000), TUESDAY, 7 * 24)
    assert abs(len(hits) / 21_000 - 1) < 0.05
    assert len({hit["id"] for hit in hits}) == len(hits)
    for hit in hits:
        assert hit.keys() <= BY_NAME.keys()
        assert hit["received_at"][:10] >= "2026-11-03"
        assert hit["received_at"] < "2026-11-10"
    by_day = Counter(hit["received_at"][:10] for hit in hits)
    assert by_day["2026-11-03"] > by_day["2026-11-07"]
    by_hour = Counter(hit["received_at"][11:13] for hit in hits)
    assert by_hour["19"] > 5 * by_hour["03"]


def test_no_hit_has_what_its_consent_forbids() -> None:
    for hit in made(Month(1, 3_000), TUESDAY, 24):
        if hit["consent"] != "granted":
            assert not {"visitor_id", "session_id", "user_id", "recipient_id"} & hit.keys()
            assert hit.get("ip", ".0").endswith((".0", "::"))
        if hit["consent"] == "denied":
            assert "?" not in hit["url"]


def test_visitors_come_back_and_conversions_come_twice() -> None:
    hits = made(Month(1, 3_000), TUESDAY, 7 * 24)
    visits: dict[str, set[str]] = {}
    for hit in hits:
        if "visitor_id" in hit:
            visits.setdefault(hit["visitor_id"], set()).add(hit["session_id"])
    assert sum(len(each) > 1 for each in visits.values()) > 100
    copies: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        if hit["event"] == "Purchase":
            copies.setdefault(hit["event_id"], []).append(hit)
    assert {len(each) for each in copies.values()} == {1, 2}
    for each in copies.values():
        assert len({hit.get("value") for hit in each if "problems" not in hit}) == 1
        assert len({hit["endpoint"] for hit in each}) == len(each)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


def demo(*arguments: str) -> int:
    return main(["demo", "--hits=600", "--days=2", *arguments])


@pytest.mark.real
@pytest.mark.parametrize("small_hits_per_day", [240_000, 0])
def test_in_the_store_once(
    store: StoreProcess, monkeypatch: pytest.MonkeyPatch, small_hits_per_day: int
) -> None:
    monkeypatch.setattr(to_store, "SMALL_HITS_PER_DAY", small_hits_per_day)
    store.query("TRUNCATE TABLE hits")
    seed = f"--seed={small_hits_per_day}"
    assert demo(f"--clickhouse.url={store.url}", seed) == 0
    first = int(store.must("SELECT count() FROM hits"))
    since, until = (
        datetime.fromisoformat(text)
        for text in store.must(
            "SELECT toStartOfHour(min(received_at)), toStartOfHour(now('UTC')) FROM hits"
        ).split("\t")
    )
    hours = (until - since) // timedelta(hours=1)
    known = Counter(hit["event"] for hit in made(Month(small_hits_per_day, 300), since, hours))
    found = store.must("SELECT event, count() FROM hits GROUP BY event")
    assert dict(row.split("\t") for row in found.splitlines()) == {
        event: str(count) for event, count in known.items()
    }
    assert demo(f"--clickhouse.url={store.url}", seed) == 0
    assert int(store.must("SELECT count() FROM hits")) == first
    assert store.must("SELECT sum(hits) FROM traffic_rollup WHERE hour >= toDate('2026-01-01')")


@pytest.mark.real
def test_through_the_pixel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with AllInOneProcess(tmp_path) as heliograph:
        pixel = f"--pixel={heliograph.url}/p.gif"
        assert main(["demo", "--to=pixel", "--hits=300", "--rate=5000", pixel]) == 0
        assert "300 hits were answered" in capsys.readouterr().out
        heliograph.wait_for_rows("SELECT event FROM hits", 300)
        assert int(heliograph.wait_for_rows(
            "SELECT visitor_id FROM hits GROUP BY visitor_id HAVING count() > 1 "
            "AND uniqExact(session_id) = 1 LIMIT 1", 1)[0] is not None)  # fmt: skip


def test_what_is_wrong_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo("--clickhouse.url=http://127.0.0.1:1") == 1
    assert "clickhouse.url" in capsys.readouterr().err
    assert demo("--to=pixel", "--pixel=http://127.0.0.1:1/p.gif") == 1
    assert "--pixel" in capsys.readouterr().err
    for wrong in ("--hits=0", "--days=0", "--rate=0"):
        assert main(["demo", wrong]) == 2
        assert wrong.partition("=")[0] in capsys.readouterr().err
