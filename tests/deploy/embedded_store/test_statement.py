"""Where a statement is cut, case by case."""

import pytest

from deploy.embedded_store.statement import find_insert, into_outfile


@pytest.mark.parametrize(
    ("text", "statement", "format_name", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1\n", b"INSERT INTO t ", "CSV", b"1\n"),
        (b"INSERT INTO t FORMAT CSV\r\n\n1", b"INSERT INTO t ", "CSV", b"\n1"),
        (b"INSERT INTO t FORMAT Native \n\x00\n", b"INSERT INTO t ", "Native", b"\x00\n"),
        (
            b"insert into t(format, values) format TSV 1",
            b"insert into t(format, values) ",
            "TSV",
            b"1",
        ),
        (b"INSERT INTO format FORMAT TSV\n", b"INSERT INTO format ", "TSV", b""),
        (b"INSERT INTO a.values FORMAT TSV\n", b"INSERT INTO a.values ", "TSV", b""),
        (b"INSERT INTO FUNCTION null('a FORMAT b') FORMAT TSV\n", None, "TSV", b""),
        (b"INSERT INTO `FORMAT x` VALUES (1)", b"INSERT INTO `FORMAT x` ", "Values", b" (1)"),
        (b"-- FORMAT A\nINSERT INTO t /* FORMAT B */ FORMAT C\nd", None, "C", b"d"),
        (b"INSERT INTO t SETTINGS a='FORMAT X' FORMAT C\nd", None, "C", b"d"),
    ],
)
def test_insert(text: bytes, statement: bytes | None, format_name: str, data: bytes) -> None:
    insert = find_insert(text)
    assert insert is not None
    assert statement is None or insert.text == statement
    assert insert.format == format_name
    assert text[insert.data_start :] == data


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH 1 AS a SELECT a",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"EXPLAIN INSERT INTO t VALUES (1)",
        b"",
        b"INSERT",
    ],
)
def test_no_insert_with_data(text: bytes) -> None:
    assert find_insert(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"SELECT 1", b"SELECT 1<X>"),
        (b"SELECT 1;", b"SELECT 1<X>"),
        (b"SELECT 1 -- end", b"SELECT 1<X>"),
        (b"SELECT 1 FORMAT CSV", b"SELECT 1 <CSV>"),
        (b"SELECT 1 FORMAT CSV SETTINGS a=1;", b"SELECT 1 <CSV> SETTINGS a=1"),
        (b"SELECT (SELECT 1 FORMAT CSV)", b"SELECT (SELECT 1 FORMAT CSV)<X>"),
        (b"SELECT 'a FORMAT CSV'", b"SELECT 'a FORMAT CSV'<X>"),
        (b"SELECT $$a FORMAT CSV$$", b"SELECT $$a FORMAT CSV$$<X>"),
        (b"SELECT f(format) AS x", b"SELECT f(format) AS x<X>"),
    ],
)
def test_outfile_clause(text: bytes, expected: bytes) -> None:
    got, _ = into_outfile(text, "/p", "X")
    for name in (b"X", b"CSV"):
        got = got.replace(b"\nINTO OUTFILE '/p' APPEND FORMAT %b\n" % name, b"<%b>" % name)
    assert got == expected
