"""Attacks on the read-only user: each must fail, and what a dashboard needs must work."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import Reply, StoreProcess

pytestmark = pytest.mark.real

SECRET = "the secret of the owner"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def as_reader(store: StoreProcess, sql: str, **how: Any) -> Reply:
    return store.query(sql, user="reader", **how)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM {t}",
        "SHOW TABLES",
        "DESCRIBE {t}",
        "EXPLAIN SELECT * FROM {t}",
        "EXISTS {t}",
        "SHOW CREATE TABLE {t}",
        "SELECT name, value, readonly FROM system.settings LIMIT 1",
        "SELECT * FROM numbers(3)",
        "WITH 1 AS x SELECT x",
        "SELECT 'a file''s $$ name \\\\ here' AS f",
        "SELECT name, profile_name FROM (SELECT 1 AS name, 2 AS profile_name)",
        "SELECT 1 /* no $ here */ -- it's fine",
    ],
)
def test_may_read(store: StoreProcess, table: str, sql: str) -> None:
    reply = as_reader(store, sql.replace("{t}", table), max_block_size=100)
    assert reply.status == 200, reply.text


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} VALUES (1, 'a')",
        "INSERT INTO {t} SELECT 1, 'a'",
        "INSERT INTO FUNCTION null('n UInt8') VALUES (1)",
        "DROP TABLE {t}",
        "TRUNCATE TABLE {t}",
        "ALTER TABLE {t} DELETE WHERE 1",
        "DELETE FROM {t} WHERE 1",
        "OPTIMIZE TABLE {t}",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE x (a UInt8)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE FUNCTION x AS a -> a",
        "CREATE USER x",
        "ATTACH TABLE x",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "SET ROLE admin",
        "SET ROLE ALL",
        "SET readonly = 0",
        "USE system",
        "EXECUTE AS default SELECT 1",
        "GRANT ALL ON *.* TO default",
        "BACKUP TABLE {t} TO File('/tmp/x')",
        "SELECT 1; SET ROLE admin; DROP TABLE {t}",
        "SELECT 1 PARALLEL WITH DROP TABLE {t}",
        "EXPLAIN SELECT 1; DROP TABLE {t}",
        "BEGIN TRANSACTION",
    ],
)
def test_may_not_change_anything(store: StoreProcess, table: str, sql: str) -> None:
    reply = as_reader(store, sql.replace("{t}", table))
    assert reply.status in (400, 403, 500), reply.text
    assert store.must(f"EXISTS {table}") == "1"
    assert store.must(f"SELECT count() FROM {table}") == "0"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('{p}', 'LineAsString')",
        "SELECT * FROM `{p}`",
        "SELECT * FROM '{p}'",
        "SELECT * FROM default.`{p}`",
        "SELECT * FROM filesystem('{d}')",
        "SELECT file('{p}')",
        "SELECT `file`('{p}')",
        "SELECT \"file\"('{p}')",
        "SELECT `fi\\x6ce`('{p}')",
        "SELECT `fil\\e`('{p}')",
        "SELECT /* ' */ file('{p}') /* ' */",
        "SELECT -- '\n file('{p}') -- '",
        "SELECT # '\n file('{p}') # '",
        "SELECT $$ ' $$, file('{p}'), $$ ' $$",
        "SELECT $a$ ' $a$, file('{p}'), ' $a$ '",
        "SELECT '\\'', file('{p}'), ''",
        "SELECT '''', file('{p}'), ''''",
        "SELECT '\\\\', file('{p}'), ''",
        "SELECT ` ' `, file('{p}') FROM (SELECT 1 AS ` ' `) WHERE '' = ''",
        "SELECT arrayMap(file, ['{p}'])",
        "SELECT * APPLY(file) FROM (SELECT '{p}')",
        "SELECT * APPLY file FROM (SELECT '{p}')",
        "SELECT COLUMNS('x') APPLY(x -> file(x)) FROM (SELECT '{p}' AS x)",
        "SELECT file\n('{p}')",
        "SELECT 1 AS a FORMAT Template SETTINGS format_template_row = '{p}', "
        "format_template_resultset = '{p}'",
        "SELECT 1 SETTINGS select = 'file(''{p}'')'",
        "SELECT 1 SETTINGS filter = 'throwIf(1, file(''{p}''))'",
        "SELECT 1 SETTINGS additional_result_filter = 'throwIf(1, file(''{p}''))'",
        "SELECT * FROM (SELECT 1 SETTINGS additional_result_filter = 'throwIf(1, file(''{p}''))')",
        "WITH x AS (SELECT 1 SETTINGS select = 'file(''{p}'')') SELECT * FROM x",
        "SELECT * FROM (SELECT 1 SETTINGS readonly = 0, select = 'file(''{p}'')')",
        "SELECT 1 UNION ALL SELECT 1 SETTINGS select = 'file(''{p}'')'",
        "SELECT 1 WHERE 1 IN (SELECT 1 SETTINGS select = 'file(''{p}'')')",
        "SELECT * FROM view(SELECT 1 SETTINGS select = 'file(''{p}'')')",
        "SELECT 1. SETTINGS select = 'file(''{p}'')'",
        "SELECT 1 AS system. SETTINGS select = 'file(''{p}'')'",
        "SELECT 1 sEtTiNgS/**/select = 'file(''{p}'')'",
        "SELECT 1 FORMAT Protobuf SETTINGS format_schema = '{p}:A'",
        "SELECT 1 FORMAT CapnProto SETTINGS output_format_schema = '{p}'",
        "SELECT * FROM view(SELECT file('{p}'))",
        "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('{p}')))",
        "SELECT * FROM eval('SELECT file(''{p}'')')",
        "SELECT * FROM sqlite('{p}', 'x')",
        "SELECT * FROM executable('{p}', 'TSV', 'a String')",
        "SELECT * FROM python('secret')",
        "SELECT * FROM Python(secret)",
        "SELECT * FROM icebergLocal('{d}')",
        "SELECT * FROM deltaLakeLocal('{d}')",
        "SELECT * FROM format(LineAsString, file('{p}'))",
        "WITH '{p}' AS p SELECT file(p)",
        "EXPLAIN SELECT file('{p}')",
        "DESCRIBE TABLE file('{p}')",
        "DESCRIBE (SELECT file('{p}') AS x)",
        "SHOW TABLES LIKE file('{p}')",
        "SELECT catboostEvaluate('{p}', 1)",
        "SELECT {f:Identifier}('{p}')",
    ],
)
def test_may_not_read_files(store: StoreProcess, secret: Path, sql: str) -> None:
    sql = sql.replace("{p}", str(secret)).replace("{d}", str(secret.parent))
    reply = as_reader(store, sql, param_f="file")
    assert reply.status >= 400, reply.text
    assert SECRET not in reply.text
    assert SECRET.encode().hex() not in reply.text.lower()


@pytest.mark.parametrize(
    "sql", ["SELECT 1 INTO OUTFILE '{p}'", "SELECT 1 INTO OUTFILE '{p}' APPEND"]
)
def test_may_not_write_files(store: StoreProcess, tmp_path: Path, sql: str) -> None:
    target = tmp_path / uuid.uuid4().hex
    assert as_reader(store, sql.replace("{p}", str(target))).status >= 400
    assert not target.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM url('http://127.0.0.1:{port}/ping', 'LineAsString')",
        "SELECT * FROM urlCluster('x', 'http://127.0.0.1:{port}/ping', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/key', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "SELECT * FROM postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "SELECT * FROM mongodb('127.0.0.1:{port}', 'a', 'b', 'c', 'd', 'a UInt8')",
        "SELECT * FROM redis('127.0.0.1:{port}', 'a', 'a String')",
    ],
)
def test_may_not_reach_other_servers(store: StoreProcess, sql: str) -> None:
    reply = as_reader(store, sql.replace("{port}", str(store.port)))
    assert reply.status >= 400
    assert "Ok." not in reply.text


@pytest.mark.parametrize(
    "settings",
    [
        {"readonly": 0},
        {"readonly": 1},
        {"max_memory_usage": 10**12},
        {"max_memory_usage": 0},
        {"max_execution_time": 0},
        {"dialect": "kusto"},
        {"profile": "default"},
        {"role": "admin"},
    ],
)
def test_limits_can_not_be_raised(store: StoreProcess, settings: dict[str, Any]) -> None:
    assert as_reader(store, "SELECT 1", **settings).status >= 400
    if "role" not in settings:
        clause = ", ".join(f"{name} = '{value}'" for name, value in settings.items())
        assert as_reader(store, f"SELECT 1 SETTINGS {clause}").status >= 400


def test_limits_can_be_lowered(store: StoreProcess) -> None:
    reply = as_reader(store, "SELECT getSetting('max_execution_time')", max_execution_time=3)
    assert reply.text == "3"
    assert as_reader(store, "SELECT getSetting('readonly')").text == "1"


def test_a_session_of_the_owner_is_not_the_readers(store: StoreProcess) -> None:
    store.must("CREATE TEMPORARY TABLE own (a UInt8)", session_id="shared")
    assert as_reader(store, "SELECT * FROM own", session_id="shared").status == 403
