"""`heliograph enrich` as a person runs it: what it prints, its exit code, what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from deploy.cli import main
from tests.support import visits
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


def enrich(store: StoreProcess, *arguments: str) -> int:
    return main(["enrich", f"--clickhouse.url={store.url}", *arguments])


def test_all_of_it(store: StoreProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert enrich(store) == 0
    assert "0 user agents parsed by ua-parser 2" in capsys.readouterr().out
    hits = [{**one, "ip": "192.0.2.0"} for one in visits.hits(30)]
    store.must(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=visits.lines(hits),
        **{**PARSE_SETTINGS, **INSERT_SETTINGS},
    )
    file = tmp_path / "countries.csv"
    file.write_text("prefix,country\n192.0.2.0/24,DE\n")
    assert enrich(store, "--countries", str(file), "--again") == 0
    said = capsys.readouterr().out
    assert "1 networks of " in said
    assert "2 user agents parsed" in said
    assert f"{len(hits)} hits have rules " in said
    assert "rows in traffic_rollup" in said
    assert store.must("SELECT DISTINCT country FROM hits") == "DE"
    assert enrich(store, "--no-countries") == 0
    assert "no country and region any more" in capsys.readouterr().out


def test_what_is_wrong_is_said(
    store: StoreProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrich(store, "--asns", str(tmp_path / "missing.csv")) == 1
    assert "missing.csv: " in capsys.readouterr().err
    assert main(["enrich", "--clickhouse.url=http://127.0.0.1:1"]) == 1
    assert "clickhouse.url" in capsys.readouterr().err
