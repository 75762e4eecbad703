"""The line of a hit: the places of id and time, its members, what its table is the source of."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import hit

ID = "01a20c36-d51c-72e5-abcb-52e6cc07c00e"
TIME_MS = 1_795_502_449_820


def make_line(members: dict[str, object]) -> bytes:
    head = '{"id":"' + ID + hit.head_after_id(hit.rfc3339(TIME_MS), "pixel", "GET")
    return hit.encode(head, members, hit.encode_tail({"consent": "granted"}))


def test_id_and_time_are_read_without_parsing() -> None:
    line = make_line({"event": "PageView"})
    assert hit.id_of(line) == ID.encode()
    assert hit.received_at_of(line) == hit.rfc3339(TIME_MS).encode()
    assert orjson.loads(line) == {
        "id": ID,
        "received_at": hit.rfc3339(TIME_MS),
        "endpoint": "pixel",
        "method": "GET",
        "event": "PageView",
        "consent": "granted",
    }
    assert line.endswith(b"}\n")


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_rfc3339_is_what_the_standard_library_reads(time_ms: int) -> None:
    text = hit.rfc3339(time_ms)
    assert len(text) == 24
    read = datetime.fromisoformat(text)
    since = read - datetime(1970, 1, 1, tzinfo=UTC)
    assert since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000 == time_ms


def test_each_parameter_and_member_is_named_once() -> None:
    assert len(hit.BY_NAME) == len(hit.FIELDS)
    parameters = [field.parameter for field in hit.FIELDS if field.parameter]
    assert len(set(parameters)) == len(parameters)


@pytest.mark.parametrize("name", ["visitor_id", "user_id", "recipient_id", "ip"])
def test_what_names_a_person_is_personal(name: str) -> None:
    assert hit.BY_NAME[name].personal
