"""Names, times and mended lines of dead letters as text, read back and refused."""

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dead_letter_file import decode, encode
from consumer.dead_letter_selection import POSITION_MAX, LetterName, Selection, parse_since
from consumer.dead_letter_store import Letter

sources = st.text(st.characters(codec="utf-8"), min_size=1)
positions = st.integers(0, POSITION_MAX)


@given(sources, positions)
def test_a_name_is_read_back(source: str, position: int) -> None:
    name = LetterName(source, position)
    assert LetterName.parse(str(name)) == name


@given(st.text() | st.from_regex(r".*:[0-9]*"))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    source, _, position = text.rpartition(":")
    if source and re.fullmatch("[0-9]{1,20}", position) and int(position) <= POSITION_MAX:
        assert LetterName.parse(text) == LetterName(source, int(position))
    else:
        with pytest.raises(ValueError, match="is no letter"):
            LetterName.parse(text)


@given(sources, positions, st.text(), st.binary())
def test_a_letter_goes_through_a_file(source: str, position: int, reason: str, raw: bytes) -> None:
    name = LetterName(source, position)
    letter = Letter(name, reason, len(raw), "2026-11-24 06:00:00.000", "", "", raw)
    assert list(decode([encode(letter), b"\n"])) == [(name, raw)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "line 2: "),
        (b"[]", "line 2: "),
        (b'{"source":"s","raw":"r"}', "no 'position'"),
        (b'{"source":"s","position":"1","raw":"r"}', "position a number"),
        (b'{"source":"s","position":true,"raw":"r"}', "position a number"),
        (b'{"source":"s","position":-1,"raw":"r"}', "-1 is not possible"),
        (b'{"source":"s","position":1}', "exactly one of raw, raw_base64 and hit"),
        (b'{"source":"s","position":1,"raw":"r","hit":{}}', "exactly one of"),
        (b'{"source":"s","position":1,"hit":"r"}', "hit must be an object"),
        (b'{"source":"s","position":1,"raw":{}}', "raw must be a text"),
        (b'{"source":"s","position":1,"raw_base64":"?"}', "raw_base64: "),
    ],
)
def test_a_wrong_line_of_a_file_is_named(line: bytes, reason: str) -> None:
    good = b'{"source":"s","position":1,"hit":{"id":"x"}}\n'
    lines = decode([good, line])
    assert next(lines) == (LetterName("s", 1), b'{"id":"x"}')
    with pytest.raises(ValueError, match=re.escape(reason)):
        next(lines)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)), st.integers(-12, 12))
def test_a_time_is_utc_unless_it_says_otherwise(moment: datetime, hours: int) -> None:
    text = moment.isoformat()
    assert f"{moment:%Y-%m-%d %H:%M:%S}" in parse_since(text)
    elsewhere = f"{text}{hours:+03d}:00"
    assert f"{moment - timedelta(hours=hours):%Y-%m-%d %H:%M:%S}" in parse_since(elsewhere)


def test_a_time_ago() -> None:
    assert [re.findall(r"\d+", parse_since(text))[-1] for text in ("90s", "15m", "2h", "3d")] == [
        "90", "900", "7200", "259200",
    ]  # fmt: skip
    for text in ("", "yesterday", "2w", "-1h", "1h; DROP TABLE hits", "2026-13-01"):
        with pytest.raises(ValueError, match="is no time"):
            parse_since(text)


def test_no_text_ends_its_string() -> None:
    condition = Selection(source="' OR 1", reason="\\' OR 1", names=(LetterName("')", 1),))
    assert "'" not in re.sub(r"unhex\('[0-9a-f]*'\)|'kept'", "", condition.condition())
