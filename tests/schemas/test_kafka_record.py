"""Key and time sliced from a line are those a JSON parser finds, whatever people put in it."""

import uuid
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import hit, kafka_record
from schemas.delivery import State

HIT_ID = "0199b0f2-1111-7000-8000-000000000001"
VISITOR = "0199b0f2-2222-7000-8000-000000000002"
OTHER = "0199b0f2-3333-7000-8000-000000000003"
TIME = "2026-11-24T06:07:42.670Z"

# Text that looks like the member the key is taken from.
NASTY = st.sampled_from(
    [
        "visitor_id",
        '"visitor_id',
        'x","visitor_id":"' + OTHER + '"',
        f'"visitor_id":"{OTHER}"',
        '\\"visitor_id\\":\\"',
        "}",
        '"}',
        "\\",
        OTHER,
    ]
)
TEXT = st.one_of(NASTY, st.text(max_size=20), st.builds(str.__add__, NASTY, NASTY))
PROPERTIES = st.dictionaries(TEXT, TEXT, max_size=3)


def line_of(*parts: dict[str, Any]) -> bytes:
    members: dict[str, Any] = {"id": HIT_ID, "received_at": TIME}
    for part in parts:
        members.update(part)
    return orjson.dumps(members)


def expected_key(line: bytes) -> bytes:
    members = orjson.loads(line)
    found: str = members.get("visitor_id", members["id"])
    return found.encode()


@given(
    before=st.fixed_dictionaries({}, optional={"url": TEXT, "properties": PROPERTIES}),
    visitor=st.none() | st.uuids(),
    after=st.fixed_dictionaries(
        {}, optional={"user_agent": TEXT, "properties": PROPERTIES, "problems": st.lists(TEXT)}
    ),
    newline=st.booleans(),
)
def test_key_is_what_a_parser_finds(
    before: dict[str, Any], visitor: uuid.UUID | None, after: dict[str, Any], newline: bool
) -> None:
    middle = {"visitor_id": str(visitor)} if visitor else {}
    line = line_of(before, middle, after)
    assert kafka_record.key_of(line + b"\n" * newline) == expected_key(line)


def test_a_property_named_visitor_id_is_no_visitor() -> None:
    line = line_of({"properties": {"visitor_id": VISITOR}})
    assert kafka_record.key_of(line) == HIT_ID.encode()


def test_a_property_behind_the_visitor_does_not_replace_it() -> None:
    line = line_of({"visitor_id": VISITOR}, {"properties": {"visitor_id": OTHER}})
    assert kafka_record.key_of(line) == VISITOR.encode()


def test_a_brace_in_the_user_agent_costs_a_parse_and_no_more() -> None:
    line = line_of({"visitor_id": VISITOR}, {"user_agent": "{}}"})
    assert kafka_record.key_of(line) == VISITOR.encode()


def test_a_line_of_the_encoder() -> None:
    head = '{"id":"' + HIT_ID + hit.head_after_id(TIME, "pixel", "GET")
    line = hit.encode(head, {"event": "PageView"}, hit.encode_tail({"visitor_id": VISITOR}))
    assert kafka_record.key_of(line) == VISITOR.encode()
    assert kafka_record.timestamp_ms_of(line) == 1795500462670


@given(st.integers(0, 253402300799999))
def test_timestamp_is_the_time_received(time_ms: int) -> None:
    line = orjson.dumps({"id": HIT_ID, "received_at": hit.rfc3339(time_ms)})
    assert kafka_record.timestamp_ms_of(line) == time_ms


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0" * 600,
        b"not a hit",
        b'{"id":"short"}',
        b"[]",
        line_of({"visitor_id": VISITOR})[:-30],
        b'{"id":"' + b"\xff" * 90,
    ],
)
def test_damage_has_neither_key_nor_wrong_time(line: bytes) -> None:
    assert kafka_record.key_of(line) is None
    assert kafka_record.timestamp_ms_of(line) in (None, 1795500462670)


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    kafka_record.key_of(line)
    kafka_record.timestamp_ms_of(line)


@given(
    position=st.integers(0, 2**62),
    size=st.integers(0, 10**6),
    reasons=st.dictionaries(st.integers(0, 2**62), st.text(max_size=20), max_size=5),
)
def test_state_comes_back(position: int, size: int, reasons: dict[int, str]) -> None:
    state = State(position, position + size, reasons if size else {})
    metadata = kafka_record.encode_state(state, "hits-3@id")
    assert kafka_record.decode_state(position, metadata, "hits-3@id") == state
    assert kafka_record.decode_state(position, metadata, "hits-3@other") is None


def test_an_offset_that_a_person_set_is_a_position() -> None:
    assert kafka_record.decode_state(7, "", "hits-3@id") == State.done(7)


@given(position=st.integers(0, 2**62), reason=st.text(max_size=400), count=st.integers(1, 100))
def test_as_many_refused_rows_as_allowed_fit(position: int, reason: str, count: int) -> None:
    reasons = {position + index: reason for index in range(count)}
    state = State(position, position + 10**6, reasons)
    source = "t" * 249 + "-1000@" + "x" * 22
    metadata = kafka_record.encode_state(state, source)
    assert len(metadata.encode()) <= kafka_record.METADATA_BYTES_MAX
    back = kafka_record.decode_state(position, metadata, source)
    assert back is not None
    assert (back.position, back.end, list(back.reasons)) == (position, state.end, list(reasons))
    assert all(reason.startswith(why) for why in back.reasons.values())


@pytest.mark.parametrize(
    "metadata",
    ["x", "[]", "{}", '{"end":1}', '{"of":"s","end":"x"}', '{"of":"s","end":1,"refused":[]}'],
)
def test_metadata_of_somebody_else_is_refused(metadata: str) -> None:
    with pytest.raises(ValueError, match="not ours"):
        kafka_record.decode_state(1, metadata, "s")
