"""ClickHouse's HTTP interface as curl sees it: parameters, formats, settings, sessions, errors."""

import json
from typing import Any

import pytest

from tests.support.store import StoreProcess

pytestmark = pytest.mark.real


@pytest.mark.parametrize("path", ["/ping", "/", "/replicas_status"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_says_ok(store: StoreProcess, path: str, method: str) -> None:
    reply = store.query(path=path, method=method)
    assert (reply.status, reply.body) == (200, b"Ok.\n" if method == "GET" else b"")


def test_query_in_url_body_or_both(store: StoreProcess) -> None:
    assert store.must("SELECT 1", method="GET") == "1"
    assert store.must("SELECT 2") == "2"
    assert store.must("SELECT 3 +", body=b"4") == "7"


def test_get_reads_only(store: StoreProcess, table: str) -> None:
    reply = store.query(f"DROP TABLE {table}", method="GET")
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert store.must(f"EXISTS {table}", method="GET") == "1"


def test_head_has_the_headers_only(store: StoreProcess) -> None:
    reply = store.query("SELECT 1 FORMAT CSV", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["X-ClickHouse-Format"] == "CSV"


@pytest.mark.parametrize(
    ("sql", "how", "name", "content_type"),
    [
        ("SELECT 1", {}, "TabSeparated", "text/tab-separated-values; charset=UTF-8"),
        ("SELECT 1", {"default_format": "JSON"}, "JSON", "application/json; charset=UTF-8"),
        ("SELECT 1 FORMAT CSV", {"default_format": "JSON"}, "CSV", None),
        ("SELECT 1 FORMAT CSV;", {}, "CSV", "text/csv; charset=UTF-8; header=absent"),
        ("SELECT 1 format JSONEachRow settings max_threads=1", {}, "JSONEachRow", None),
        ("SELECT 1 FORMAT Native -- why", {}, "Native", "application/octet-stream"),
        ("SELECT 1", {"headers": {"X-ClickHouse-Format": "XML"}}, "XML", None),
        ("SHOW DATABASES FORMAT JSON", {}, "JSON", None),
        ("EXPLAIN SELECT 1 FORMAT TSVRaw", {}, "TSVRaw", None),
        ("WITH 'FORMAT x' AS format SELECT format", {}, "TabSeparated", None),
    ],
)
def test_format(
    store: StoreProcess, sql: str, how: dict[str, Any], name: str, content_type: str | None
) -> None:
    reply = store.query(sql, **how)
    assert (reply.status, reply.headers["X-ClickHouse-Format"]) == (200, name)
    assert content_type is None or reply.headers["Content-Type"] == content_type


def test_limit_zero_still_has_the_formats_head(store: StoreProcess) -> None:
    assert json.loads(store.must("SELECT 1 AS a LIMIT 0 FORMAT JSON"))["meta"][0]["name"] == "a"
    assert store.must("SELECT 1 AS a LIMIT 0 FORMAT CSVWithNames") == '"a"'


def test_parameters_are_values(store: StoreProcess) -> None:
    evil = "x'); DROP TABLE t; --"
    assert store.must("SELECT {a:UInt8} + 1, {s:String}", param_a="41", param_s=evil) == (
        "42\tx\\'); DROP TABLE t; --"
    )
    assert store.must("SELECT {list:Array(String)}[2]", param_list="['a','b']") == "b"
    assert store.must("SELECT * FROM {t:Identifier}", param_t="one", database="system") == "0"


def test_parameters_of_an_insert(store: StoreProcess, table: str) -> None:
    sql = "INSERT INTO {t:Identifier} FORMAT CSV"
    assert store.query(sql, body=b"1,a\n", param_t=table).status == 200
    assert store.must(f"SELECT * FROM {table}") == "1\ta"


def test_multipart_form(store: StoreProcess) -> None:
    fields = {"query": "SELECT {a:UInt8} + 1", "param_a": "1"}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = store.query(body=f"{body}--x--\r\n".encode(), headers=headers)
    assert reply.text == "2"


def test_settings_do_not_leak(store: StoreProcess) -> None:
    sql = "SELECT getSetting('max_block_size')"
    before = store.must(sql)
    assert store.must(sql, max_block_size=7) == "7"
    assert store.must(sql) == before


def test_settings_of_an_insert_reach_the_engine(store: StoreProcess, table: str) -> None:
    sql = f"INSERT INTO {table} FORMAT JSONEachRow"
    row = b'{"n": 1, "s": "a", "unknown": 1}'
    assert (
        store.query(sql, body=row, input_format_skip_unknown_fields=1, async_insert=0).status == 200
    )
    reply = store.query(sql, body=row, input_format_skip_unknown_fields=0, async_insert=0)
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (400, "117")
    assert store.must(f"SELECT count() FROM {table}") == "1"


def test_database(store: StoreProcess) -> None:
    assert store.must("SELECT currentDatabase()", database="system") == "system"
    headers = {"X-ClickHouse-Database": "system"}
    assert store.must("SELECT currentDatabase()", headers=headers) == "system"
    assert store.must("SELECT currentDatabase()") == "default"
    assert store.query("SELECT 1", database="no`pe").status == 404


@pytest.mark.parametrize(
    ("sql", "body"),
    [
        ("INSERT INTO {t} FORMAT TSV", b"1\ta\n2\tb\n"),
        ("INSERT INTO {t} (n, s) VALUES", b"(1, 'a'), (2, lower('B'))"),
        (
            "insert into table {t} settings max_threads=1 format JSONEachRow",
            b'{"n":1,"s":"a"}{"n":2,"s":"b"}',
        ),
        ("", b"INSERT INTO {t} FORMAT CSV\n1,a\n2,b\n"),
        ("", b'/* it\'s */ INSERT INTO default.{t} (`n`, "s") FORMAT CSV 1,a\n2,b\n'),
        ("", b"INSERT INTO {t} SELECT number + 1, char(97 + number) FROM numbers(2)"),
    ],
)
def test_insert(store: StoreProcess, table: str, sql: str, body: bytes) -> None:
    reply = store.query(sql.replace("{t}", table), body=body.replace(b"{t}", table.encode()))
    assert (reply.status, reply.body) == (200, b"")
    assert json.loads(reply.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert store.must(f"SELECT * FROM {table} ORDER BY n") == "1\ta\n2\tb"


def test_bytes_that_are_no_utf8(store: StoreProcess, table: str) -> None:
    store.query(f"INSERT INTO {table} FORMAT TSV", body=b"1\t\xff\xfe\n")
    assert (
        store.query(body=b"SELECT s = '\xff\xfe', s FROM " + table.encode()).body
        == b"1\t\xff\xfe\n"
    )


def test_refused_insert_is_not_there(store: StoreProcess, table: str) -> None:
    reply = store.query(f"INSERT INTO {table} FORMAT JSONEachRow", body=b'{"n":1}\n{"n":"x"}\n')
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    assert "(at row 2)" in reply.text
    assert store.must(f"SELECT count() FROM {table}") == "0"


@pytest.mark.parametrize(
    ("sql", "how", "status", "code", "name"),
    [
        ("SELECT FROM WHERE", {}, 400, 62, "SYNTAX_ERROR"),
        ("", {"body": b""}, 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", {}, 400, 62, "SYNTAX_ERROR"),
        ("SELECT * FROM nope", {}, 404, 60, "UNKNOWN_TABLE"),
        ("SELECT nope", {}, 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT 1", {"nope": 1}, 404, 115, "UNKNOWN_SETTING"),
        ("SELECT 1", {"max_threads;x": 1}, 404, 115, "UNKNOWN_SETTING"),
        ("SELECT 1 FORMAT Nope", {}, 404, 73, "UNKNOWN_FORMAT"),
        ("INSERT INTO nope FORMAT CSV", {"body": b"1"}, 404, 60, "UNKNOWN_TABLE"),
        ("SELECT {a:UInt8}", {}, 500, 456, "UNKNOWN_QUERY_PARAMETER"),
        ("SELECT throwIf(1)", {}, 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT 1", {"user": "nobody"}, 403, 516, "AUTHENTICATION_FAILED"),
        ("SELECT 1", {"password": "x"}, 403, 516, "AUTHENTICATION_FAILED"),
        ("SELECT 1", {"compress": 1}, 501, 48, "NOT_IMPLEMENTED"),
    ],
)
def test_error(
    store: StoreProcess, sql: str, how: dict[str, Any], status: int, code: int, name: str
) -> None:
    reply = store.query(sql, **how)
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name}) (version 2" in reply.text
    assert reply.text.count(f"({name})") == 1


def test_headers_that_clients_read(store: StoreProcess) -> None:
    headers = store.query("SELECT number FROM numbers(10)", query_id="my id").headers
    assert headers["X-ClickHouse-Query-Id"] == "my id"
    assert headers["X-ClickHouse-Timezone"] == store.must("SELECT timezone()")
    assert headers["X-ClickHouse-Server-Display-Name"]
    assert json.loads(headers["X-ClickHouse-Summary"])["read_rows"] == "10"
    assert store.query("SELECT 1", query_id="a\r\nb").status == 400


def test_session_keeps_state_and_takes_settings_back(store: StoreProcess) -> None:
    own: dict[str, Any] = {"session_id": "keeper"}
    store.must("CREATE TEMPORARY TABLE kept (a UInt8)", **own)
    store.must("SET max_block_size = 11", **own)
    sql = "SELECT getSetting('max_block_size'), count() FROM kept"
    assert store.must(sql, max_block_size=5, **own) == "5\t0"
    assert store.must(sql, database="system", **own) == "11\t0"
    assert store.must("SELECT currentDatabase()", **own) == "default"
    assert store.must(sql, close_session=1, **own) == "11\t0"
    assert store.query(sql, session_check=1, **own).headers["X-ClickHouse-Exception-Code"] == "372"
    assert store.query("SELECT * FROM kept").status == 404


def test_long_query_in_the_url(store: StoreProcess) -> None:
    assert (
        store.must(f"SELECT length('{'x' * 200_000}')", method="GET", max_query_size=10**6)
        == "200000"
    )
