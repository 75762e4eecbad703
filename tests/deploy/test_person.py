"""`heliograph person`: what is found, handed over and erased; the rollups equal what is left."""

import csv
import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from deploy.cli import main
from deploy.person import records
from deploy.person.records import checksum
from tests.support import visits
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real
HITS = [{**one, "ip": f"192.0.2.{number % 200}"} for number, one in enumerate(visits.hits(60))]
VISITOR = next(one["visitor_id"] for one in HITS if "user_id" in one and one["site"] == "shop")
USER = next(one["user_id"] for one in HITS if one.get("visitor_id") == VISITOR)
THEIRS = [one for one in HITS
          if one.get("visitor_id") == VISITOR or one.get("user_id") == USER]  # fmt: skip
OTHERS = [one for one in HITS if one not in THEIRS]
LETTERS = (
    ("journal/a", 7, "broken", b'{"visitor_id":"%s"' % VISITOR.upper().encode()),
    ("journal/a", 8, "broken", b'{"user_id":"%s"}' % USER.encode()),
    ("journal/a", 9, "broken", b'{"user_id":"%s0"}' % USER.encode()),
)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        assert main(["migrate", f"--clickhouse.url={process.url}"]) == 0
        yield process


@pytest.fixture
def store(process: StoreProcess) -> StoreProcess:
    for table in ("hits", "dead_letters", "dead_letter_replays", "traffic_rollup", "pages_rollup",
                  "rollup_rebuilds", "audience_members"):  # fmt: skip
        process.must(f"TRUNCATE TABLE {table}")
    process.must(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=visits.lines(HITS),
        **{**PARSE_SETTINGS, **INSERT_SETTINGS},
    )
    rows = ", ".join(
        f"('{source}', {at}, '{reason}', unhex('{raw.hex()}'))"
        for source, at, reason, raw in LETTERS
    )
    process.must(f"INSERT INTO dead_letters (source, position, reason, raw) VALUES {rows}")
    process.must(
        "INSERT INTO dead_letter_replays (source, position, outcome, reason, edited) VALUES "
        "('journal/a', 7, 'refused', 'it says', false), ('journal/a', 9, 'refused', 'x', false)"
    )
    process.must(
        "INSERT INTO audience_members (audience, snapshot_at, person, visitor_id, user_id) VALUES "
        f"('a', now(), '{VISITOR}', '{VISITOR}', ''), ('b', now(), '{USER}', NULL, '{USER}'), "
        f"('b', now(), '{USER}0', NULL, '{USER}0')"
    )
    return process


def person(store: StoreProcess, *arguments: str) -> int:
    return main(["person", *arguments, f"--clickhouse.url={store.url}"])


def who() -> tuple[str, ...]:
    return (f"--visitor={VISITOR}", f"--user={USER}")


def rollups(store: StoreProcess) -> list[list[str]]:
    traffic = store.must(
        "SELECT site, hour, channel, device_type, sum(hits), sum(page_views), "
        "uniqCombined64Merge(14)(visitors_state), uniqCombined64Merge(14)(visits_state) "
        "FROM traffic_rollup GROUP BY ALL ORDER BY ALL"
    )
    pages = store.must(
        "SELECT site, hour, host, path, sum(page_views), "
        "uniqCombined64Merge(14)(visitors_state) FROM pages_rollup GROUP BY ALL ORDER BY ALL"
    )
    return [traffic.splitlines(), pages.splitlines()]


def without_them(store: StoreProcess) -> list[list[str]]:
    """What the rollups have if the person had never been there."""
    for table in ("hits", "traffic_rollup", "pages_rollup"):
        store.must(f"TRUNCATE TABLE {table}")
    store.must(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=visits.lines(OTHERS),
        **{**PARSE_SETTINGS, **INSERT_SETTINGS, "insert_deduplicate": "0"},
    )
    return rollups(store)


def test_show_says_how_much_and_who_else(
    store: StoreProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person(store, "show", f"--visitor={VISITOR}") == 0
    said = capsys.readouterr().out
    of_visitor = [one for one in HITS if one.get("visitor_id") == VISITOR]
    assert f"hits: {len(of_visitor)} rows, 2026-" in said
    assert "dead_letters: 1 rows" in said
    with_user = sum(one.get("user_id") == USER for one in of_visitor)
    assert f"also --user {USER}: {with_user} of these hits" in said
    assert person(store, "show", "--ip=192.0.2.7") == 0
    expected = sum(one["ip"] == "192.0.2.7" for one in HITS)
    assert f"hits: {expected} rows" in capsys.readouterr().out


def test_export_has_every_row(store: StoreProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert person(store, "export", *who()) == 0
    rows = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    of_hits = [row for row in rows if row["table"] == "hits"]
    assert {row["id"] for row in of_hits} == {one["id"] for one in THEIRS}
    letters = [row for row in rows if row["table"] == "dead_letters"]
    assert [int(row["position"]) for row in letters] == [7, 8]
    assert person(store, "export", *who(), "--format=csv") == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["id"] for row in table} == {one["id"] for one in THEIRS}
    assert person(store, "export", "--user=nobody", "--format=csv") == 0
    assert capsys.readouterr().out == ""


def test_erase_leaves_nothing_and_counts_right(
    store: StoreProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person(store, "erase", *who()) == 1
    assert "nothing was erased" in capsys.readouterr().out
    assert store.must("SELECT count() FROM hits") == str(len(HITS))
    file = tmp_path / "receipt.json"
    assert person(store, "erase", *who(), "--yes", f"--receipt={file}") == 0
    text = file.read_text()
    receipt: dict[str, Any] = orjson.loads(text)
    assert VISITOR not in text
    assert {one["sha256"] for one in receipt["subject"]} == {
        sha256(each.encode()).hexdigest() for each in (VISITOR, USER)
    }
    of_table = {one["table"]: one for one in receipt["tables"]}
    assert (of_table["hits"]["rows"], of_table["hits"]["rows_left"]) == (len(THEIRS), 0)
    ids = "\n".join(sorted(one["id"] for one in THEIRS))
    assert of_table["hits"]["checksum"] == sha256(ids.encode()).hexdigest()
    assert (of_table["dead_letters"]["rows"], of_table["dead_letters"]["rows_left"]) == (2, 0)
    assert (of_table["audience_members"]["rows"], of_table["audience_members"]["rows_left"]) == (
        2, 0
    )  # fmt: skip
    assert store.must("SELECT person FROM audience_members") == f"{USER}0"
    assert receipt["sha256"] == checksum(receipt)
    assert receipt["rollup_hours_rebuilt"] == len(
        {(one["site"], one["received_at"][:13]) for one in THEIRS}
    )
    found = store.must("SELECT toString(id) FROM hits").splitlines()
    assert set(found) == {one["id"] for one in OTHERS}
    assert store.must("SELECT position FROM dead_letters") == "9"
    assert store.must("SELECT position FROM dead_letter_replays") == "9"
    assert store.must("SELECT count() FROM rollup_rebuilds") == "0"
    assert rollups(store) == without_them(store)
    assert person(store, "erase", *who(), "--yes", f"--receipt={file}") == 2
    assert "--receipt" in capsys.readouterr().err


def test_killed_before_the_rollups_the_next_run_makes_them_good(
    store: StoreProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Killed(BaseException):
        pass

    async def killed(_: object) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(records, "rebuild_noted", killed)
        with pytest.raises(Killed):
            person(store, "erase", *who(), "--yes")
    assert person(store, "erase", *who(), "--yes") == 0
    receipt = orjson.loads(capsys.readouterr().out)
    assert [one["rows"] for one in receipt["tables"]] == [0, 0, 0]
    assert receipt["rollup_hours_rebuilt"] > 0
    assert rollups(store) == without_them(store)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--visitor"),
        (("--visitor=x",), "--visitor is 'x': a UUID is wanted"),
        (("--ip=1.2.3",), "--ip is '1.2.3'"),
        (("--user=",), "--user is empty"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["person", "show", *arguments]) == 2
    assert said in capsys.readouterr().err
