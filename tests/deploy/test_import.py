"""The import of an old pixel's logs: formats, consent, and each line once whatever is killed."""

import contextlib
import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli import main
from deploy.import_logs import formats
from deploy.import_logs.formats import BadLine, Request
from tests.support.store import ROOT, StoreProcess
from tests.support.waiting import wait_until

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
TIME_MS = 1_793_620_815_000  # 2026-11-02T12:00:15Z
EXPECTED = Request(TIME_MS, "GET", "/old.gif", "e=Buy&dl=https%3A%2F%2Fa.example%2F", 200,
                   "192.0.2.77", AGENT, "https://a.example/x y", "")  # fmt: skip
TARGET = "/old.gif?e=Buy&dl=https%3A%2F%2Fa.example%2F"
FIELDS = ("#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem "
          "sc-status cs(Referer) cs(User-Agent) cs-uri-query")  # fmt: skip


def combined(number: int, target: str = TARGET, status: int = 200) -> str:
    return (
        f'192.0.2.77 - - [02/Nov/2026:13:00:15 +0100] "GET {target}&eid=n{number} HTTP/1.1" '
        f'{status} 43 "https://a.example/x y" "{AGENT}"\n'
    )


def cloudfront(number: int) -> str:
    agent = AGENT.replace(" ", "%20")
    values = ("2026-11-02", "12:00:15", "FRA2", "43", "192.0.2.77", "GET", "d1.cloudfront.net",
              "/old.gif", "200", "https://a.example/x%2520y", agent,
              f"e=Buy&dl=https%253A%252F%252Fa.example%252F&eid=n{number}")  # fmt: skip
    return "\t".join(values) + "\n"


def as_json(number: int, **changed: Any) -> str:
    return json.dumps({
        "time_iso8601": "2026-11-02T13:00:15+01:00", "remote_addr": "192.0.2.77",
        "request": f"GET {TARGET}&eid=n{number} HTTP/2.0", "status": 200,
        "http_user_agent": AGENT, "http_referer": "https://a.example/x y", **changed,
    }) + "\n"  # fmt: skip


def fastly(number: int) -> str:
    row = {
        "timestamp": "2026-11-02T12:00:15+0000", "client_ip": "192.0.2.77",
        "host": "px.example", "url": f"{TARGET}&eid=n{number}", "request_method": "GET",
        "request_referer": "https://a.example/x y", "request_user_agent": AGENT,
        "response_status": "200",
    }  # fmt: skip
    return f"<134>2026-11-02T12:00:15Z cache-fra1 logs[77]: {json.dumps(row)}\n"


def without_number(request: Request) -> Request:
    return request._replace(query=request.query.partition("&eid=")[0])


def test_each_format_says_the_same() -> None:
    assert without_number(formats.combined(combined(1))) == EXPECTED
    assert without_number(formats.json(as_json(1))) == EXPECTED
    assert without_number(formats.json(fastly(1))) == EXPECTED
    assert without_number(formats.cloudfront(FIELDS)(cloudfront(1).strip())) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        '{"ts": 1793620815.0, "request": {"remote_ip": "192.0.2.77", "method": "GET", '
        '"uri": "/old.gif?e=Buy"}, "status": 200}',
        '{"msec": "1793620815.000", "remote_addr": "192.0.2.77", "request_method": "GET", '
        '"uri": "/old.gif", "args": "e=Buy", "status": "200"}',
        '{"time_local": "02/Nov/2026:13:00:15 +0100", "client_ip": "192.0.2.77", '
        '"url": "https://px.example/old.gif?e=Buy", "status": 200}',
    ],
)
def test_json_of_other_servers(text: str) -> None:
    expected = Request(TIME_MS, "GET", "/old.gif", "e=Buy", 200, "192.0.2.77", "", "", "")
    assert formats.json(text) == expected


def test_what_the_first_line_tells() -> None:
    assert formats.guessed([combined(1).encode()]) == "combined"
    assert formats.guessed([b"", as_json(1).encode()]) == "json"
    assert formats.guessed([fastly(1).encode()]) == "json"
    assert formats.guessed([b"#Version: 1.0", FIELDS.encode()]) == "cloudfront"


def test_escapes_of_nginx_and_apache() -> None:
    line = combined(1).replace("Firefox", r"\"Fire\"\xC3\xA9")
    assert '"Fire"é' in formats.combined(line).agent


@given(st.text(max_size=300))
def test_any_line_is_parsed_or_bad(text: str) -> None:
    for parse in (formats.combined, formats.json, formats.cloudfront(FIELDS)):
        with contextlib.suppress(BadLine):
            assert isinstance(parse(text), Request)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


def arguments(store: StoreProcess, folder: Path, *more: str | Path) -> list[str]:
    return [
        "import", *map(str, more), f"--clickhouse.url={store.url}", "--path=/old.gif", "--map=dl=u",
        f"--notes={folder / 'notes.json'}", f"--bad-lines={folder / 'bad.json'}",
    ]  # fmt: skip


def rows(store: StoreProcess, query: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in
            store.must(f"{query} FORMAT JSONEachRow").splitlines()]  # fmt: skip


@pytest.mark.real
def test_all_formats_into_the_store(
    store: StoreProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "access.log": combined(1) + "no line\n" + combined(2, status=404)
        + combined(3, "/other?") + combined(4)[:-1],
        "json.log": as_json(5) + "{}\n",
        "fastly.log": fastly(6),
        "cloudfront.gz": f"#Version: 1.0\n{FIELDS}\n{cloudfront(7)}{cloudfront(8)}",
        "empty.log": "",
    }  # fmt: skip
    for name, text in files.items():
        data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        (tmp_path / name).write_bytes(data)
    paths = [tmp_path / name for name in files]
    assert main(arguments(store, tmp_path, *paths, "--site=shop")) == 0
    said = capsys.readouterr().out
    assert "access.log: 1 hits, 2 other requests, 1 bad lines" in said
    assert "cloudfront.gz: 2 hits, 0 other requests\n" in said
    assert "empty.log: empty" in said
    found = rows(store, "SELECT * FROM hits WHERE event = 'Buy' ORDER BY event_id")
    assert [row["event_id"] for row in found] == ["n1", "n5", "n6", "n7", "n8"]
    for row in found:
        assert row["received_at"].startswith("2026-11-02 12:00:15")
        assert (row["url"], row["site"]) == ("https://a.example/", "shop")
        assert (row["ip"], row["visitor_id"]) == ("::ffff:192.0.2.0", None)
        assert (row["consent"], row["consent_source"]) == ("denied", "default")
        assert "Firefox/145" in row["user_agent"]
    bad = [orjson.loads(line) for line in (tmp_path / "bad.json").read_bytes().splitlines()]
    assert [(Path(row["file"]).name, row["position"]) for row in bad] == [
        ("access.log", len(combined(1))), ("json.log", len(as_json(5))),
    ]  # fmt: skip
    # The file grows, is renamed and gzipped: only what is new goes in.
    grown = files["access.log"] + "\n" + combined(9)
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(grown.encode()))
    assert main(arguments(store, tmp_path, tmp_path / "access.log.1.gz", "--consent=granted")) == 0
    assert "3 hits" in capsys.readouterr().out
    found = rows(store, "SELECT event_id, ip FROM hits WHERE event_id IN ('n1', 'n4', 'n9') "
                 "ORDER BY event_id")  # fmt: skip
    assert [row["event_id"] for row in found] == ["n1", "n4", "n9"]
    assert found[1]["ip"] == "::ffff:192.0.2.77"


SCRIPT = """
import sys
from deploy.import_logs import log_file
log_file.RANGE_BYTES = 3_000
from deploy.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.real
@pytest.mark.parametrize("name", ["killed.log", "killed.log.gz"])
def test_killed_in_the_middle_each_line_is_in_once(
    store: StoreProcess, tmp_path: Path, name: str
) -> None:
    lines = 700
    text = "".join(
        "bad\n" if number % 100 == 99 else combined(number, f"{TARGET}&site={name}")
        for number in range(lines)
    ).encode()
    file = tmp_path / name
    file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    notes = tmp_path / "notes.json"
    command = [sys.executable, "-c", SCRIPT, *arguments(store, tmp_path, file)]
    position = 0
    for _ in range(5):
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
            before = position

            def has_moved(before: int = before) -> bool:
                return notes.exists() and position_of(notes) > before

            wait_until(has_moved, 60, "the import goes on")
            process.send_signal(signal.SIGKILL)
        position = position_of(notes)
    assert position < len(text), "it was killed after its end"
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "693 hits, 0 other requests, 7 bad lines" in finished.stdout
    counted = f"SELECT count() AS n, uniqExact(event_id) AS ids FROM hits WHERE site = '{name}'"
    assert [int(one) for one in rows(store, counted)[0].values()] == [693, 693]
    assert len((tmp_path / "bad.json").read_bytes().splitlines()) == 7


def position_of(notes: Path) -> int:
    files = orjson.loads(notes.read_bytes())["files"]
    return int(files[0]["position"]) if files else 0


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(combined(1))
    assert main(["import", str(tmp_path / "missing.log")]) == 2
    assert "missing.log: no such file" in capsys.readouterr().err
    assert main(["import", str(log), "--map=dl"]) == 2
    assert "--map" in capsys.readouterr().err
    notes = tmp_path / "notes.json"
    notes.write_text("{")
    assert main(["import", str(log), f"--notes={notes}"]) == 1
    assert "--notes" in capsys.readouterr().err
