"""Audiences on a real store: who is in one equals a computation in Python; each format; HTTP."""

import csv
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from deploy.audiences.definitions import BadAudienceFile, parse_audiences
from deploy.cli import main
from tests.support import visits
from tests.support.ports import free_ports
from tests.support.store import ROOT, StoreProcess
from tests.support.waiting import wait_until

FILE = """
[[audience]]
name = "pricing-no-purchase"
site = "shop"
about = "Looked at the price twice in 14 days and did not buy"
days = 14
did = [{ path = "/pricing", times = 2 }]
did_not = [{ event = "Purchase", days = 30 }]

[[audience]]
name = "readers"
site = "shop"
days = 20
did = [{ path = "/docs/*" }, { event = "PageView", times = 3 }]

[[audience]]
name = "by-sql"
site = "shop"
days = 40
sql = "SELECT person FROM people_hits WHERE event = 'Purchase' AND received_at < {at}"
"""
VISITS = visits.hits(300)
DAYS = 60


def moved() -> list[dict[str, Any]]:
    """The hits, moved so that their 60th day is now; some with a contact, some of a day's id."""
    now = datetime.now(UTC)
    shift = now - datetime.fromtimestamp(visits.START_MS / 1000, UTC) - timedelta(days=DAYS)
    hits = []
    for one in VISITS:
        time = datetime.fromisoformat(one["received_at"]) + shift
        if time >= now:
            break
        hit = {**one, "received_at": time.isoformat(timespec="milliseconds")[:23] + "Z"}
        if hit.get("user_id"):
            hit["email_hash"] = sha256(hit["user_id"].encode()).hexdigest()
        hits.append(hit)
    # A level that measures but recognises nobody: an id of the day.
    daily = {**hits[-1], "consent": "limited", "visitor_kind": "daily",
             "visitor_id": "00000000-0000-8000-8000-000000000001", "event": "PageView",
             "site": "shop", "url": "https://www.shop.example/pricing"}  # fmt: skip
    daily.pop("user_id", None)
    return [*hits, *({**daily, "id": f"00000000-0000-7000-8000-00000000000{n}"} for n in range(3))]


HITS = moved()


def who_of(hits: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The shop's people who consented, and their hits, as far as persons caused them."""
    hits = [one for one in hits if one["site"] == "shop" and one["consent"] == "granted"
            and not one.get("bot") and not one.get("purpose")]  # fmt: skip
    visitor_of = {one["user_id"]: one["visitor_id"] for one in hits
                  if one.get("user_id") and one.get("visitor_id")}  # fmt: skip
    people = defaultdict(list)
    for one in hits:
        user = one.get("user_id", "")
        who = one.get("visitor_id") or visitor_of.get(user) or user
        if who:
            people[who].append(one)
    return people


def count(hits: list[dict[str, Any]], since: datetime, event: str, path: str = "/") -> int:
    return sum(
        one["event"] == event
        and datetime.fromisoformat(one["received_at"]) >= since
        and ("/" + one["url"].partition("?")[0].split("/", 3)[3]).startswith(path)
        for one in hits
    )


def expected(at: datetime) -> dict[str, set[str]]:
    """Who is in each audience by a snapshot of this time."""
    people = who_of([one for one in HITS if datetime.fromisoformat(one["received_at"]) < at])
    since = {days: at - timedelta(days=days) for days in (14, 20, 30)}
    return {
        "pricing-no-purchase": {
            who for who, hits in people.items()
            if count(hits, since[14], "PageView", "/pricing") >= 2
            and not count(hits, since[30], "Purchase")
        },
        "readers": {
            who for who, hits in people.items()
            if count(hits, since[20], "PageView", "/docs/")
            and count(hits, since[20], "PageView") >= 3
        },
    }  # fmt: skip


def newest_at(store: StoreProcess, name: str) -> datetime:
    text = store.must(f"SELECT max(snapshot_at) FROM audience_sizes WHERE audience = '{name}'")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        assert main(["migrate", f"--clickhouse.url={process.url}"]) == 0
        process.must(
            "INSERT INTO hits FORMAT JSONEachRow",
            body=visits.lines(HITS),
            **{**PARSE_SETTINGS, **INSERT_SETTINGS},
        )
        yield process


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "audiences.toml"
    path.write_text(FILE)
    return path


def audiences(store: StoreProcess, *arguments: object) -> int:
    return main(["audiences", *map(str, arguments), f"--clickhouse.url={store.url}"])


@pytest.mark.real
def test_who_is_in_and_how_it_is_handed_out(
    store: StoreProcess, file: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert audiences(store, "run", f"--file={file}") == 0
    said = capfdbinary.readouterr().out.decode().splitlines()
    at = newest_at(store, "readers")
    for name, people in expected(at).items():
        assert people, "the test has somebody to find"
        found = store.must(f"SELECT person FROM audience_newest WHERE audience = '{name}'")
        assert set(found.splitlines()) == people
        assert f"{name}: {len(people)} members" in said
        size = store.must(
            f"SELECT members FROM audience_sizes WHERE audience = '{name}' "
            "ORDER BY snapshot_at DESC LIMIT 1"
        )
        assert int(size) == len(people)
    assert "by-sql: 0 members" not in said
    # Once more: it is made already, or, if the hour ended meanwhile, made for the next.
    assert audiences(store, "run", f"--file={file}", "readers") == 0
    again = capfdbinary.readouterr().out
    assert (b"made already" in again) == (newest_at(store, "readers") == at)
    doubled = "SELECT count() - uniqExact(audience, snapshot_at, person) FROM audience_members"
    assert store.must(doubled) == "0"
    assert audiences(store, "list", f"--file={file}") == 0
    listed = capfdbinary.readouterr().out.decode()
    people = expected(newest_at(store, "readers"))["readers"]
    assert f"readers  site shop  {len(people)} members" in listed
    check_exports(store, tmp_path)


def check_exports(store: StoreProcess, folder: Path) -> None:
    at = newest_at(store, "readers")
    people = expected(at)["readers"]
    hits = who_of([one for one in HITS if datetime.fromisoformat(one["received_at"]) < at])
    emails = {one["email_hash"] for who in people for one in hits[who] if "email_hash" in one}
    files = {}
    for name in ("csv", "json", "parquet", "meta", "google"):
        files[name] = folder / f"out.{name}"
        assert audiences(
            store, "export", "readers", f"--format={name}", f"--output={files[name]}"
        ) == 0  # fmt: skip
    assert {
        row["person"] for row in csv.DictReader(files["csv"].read_text().splitlines())
    } == people
    rows = [orjson.loads(line) for line in files["json"].read_bytes().splitlines()]
    assert {row["person"] for row in rows} == people
    parquet = duckdb.execute("SELECT person FROM read_parquet(?)", [str(files["parquet"])])
    assert {_text(row[0]) for row in parquet.fetchall()} == people
    meta = list(csv.DictReader(files["meta"].read_text().splitlines()))
    assert {row["email"] for row in meta} == emails
    google = list(csv.DictReader(files["google"].read_text().splitlines()))
    assert {row["Email"] for row in google} == emails
    assert set(google[0]) == {"Email", "Phone"}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.real
def test_over_http_with_a_key(
    store: StoreProcess, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audiences(store, "run", f"--file={file}") == 0
    capsys.readouterr()
    keys = tmp_path / "keys.toml"
    keys.touch()
    secrets = {}
    for name, more in (("good", ["--site=shop", "--scope=audiences"]),
                       ("other", ["--site=blog", "--scope=audiences"]),
                       ("events", ["--site=shop", "--scope=events"])):  # fmt: skip
        assert main(["keys", "new", name, *more, f"--collector.keys_file={keys}"]) == 0
        secrets[name] = next(
            word for word in capsys.readouterr().out.split() if word.startswith("hg.")
        )
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "deploy", "audiences", "serve", f"--port={port}",
               f"--clickhouse.url={store.url}", f"--collector.keys_file={keys}"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            base = f"http://127.0.0.1:{port}/v1/audiences"
            wait_until(lambda: status(base, "") == 401, 60, "it answers")
            assert status(base, secrets["events"]) == 403
            assert status(f"{base}/readers", secrets["other"]) == 404
            assert status(f"{base}/readers?format=x", secrets["good"]) == 400
            listed = orjson.loads(body(base, secrets["good"]))["audiences"]
            assert {one["audience"] for one in listed} == {
                "pricing-no-purchase",
                "readers",
                "by-sql",
            }
            rows = body(f"{base}/readers", secrets["good"]).splitlines()
            assert {orjson.loads(row)["person"] for row in rows} == (
                expected(newest_at(store, "readers"))["readers"]
            )
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def body(url: str, key: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def status(url: str, key: str) -> int:
    try:
        body(url, key)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
    return 200


@pytest.mark.real
def test_what_is_wrong_is_said(
    store: StoreProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audiences(store, "list", f"--file={tmp_path / 'missing.toml'}") == 2
    assert "--file" in capsys.readouterr().err
    assert audiences(store, "export", "nobody") == 1
    assert "no audience nobody was made" in capsys.readouterr().err
    assert main(["audiences", "serve"]) == 2
    assert "collector.keys_file" in capsys.readouterr().err
    file = tmp_path / "a.toml"
    file.write_text('[[audience]]\nname = "a"\nsite = "shop"\nsql = "SELEC"\n')
    assert audiences(store, "run", f"--file={file}") == 1
    assert "a: " in capsys.readouterr().err
    assert audiences(store, "run", f"--file={file}", "b") == 2
    assert audiences(store, "run", f"--file={file}", "--every=5") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("did = [{ times = 2 }]", "an event or a path is needed"),
        ('did = [{ path = "pricing" }]', "a path begins with /"),
        ("", "it has did"),
        ('sql = "SELECT 1"\ndid_not = [{ event = "x" }]', "sql has no did_not"),
        ('did = [{ event = "x" }]\nwho = 1', "who: no such member"),
        ('did = [{ event = "x", days = 0 }]', "did.0.days"),
    ],
)
def test_a_wrong_file_is_told_of(text: str, said: str) -> None:
    with pytest.raises(BadAudienceFile, match="audience 'a': ") as error:
        parse_audiences(f'[[audience]]\nname = "a"\nsite = "shop"\n{text}\n', "f.toml")
    assert said in str(error.value)
