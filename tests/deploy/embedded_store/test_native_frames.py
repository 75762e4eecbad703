"""Native with block infos: hand-made blocks, and every type the engine may send."""

import pytest

from deploy.embedded_store.errors import StoreError
from deploy.embedded_store.native_frames import NativeFrames
from tests.support.store import StoreProcess

INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
# Two columns, two rows: a UInt16 = 1, 2 and s String = "x", "".
HEAD, TAIL = b"\x02\x02\x01a\x06UInt16", b"\x01\x00\x02\x00"
STRINGS_HEAD, STRINGS = b"\x01s\x06String", b"\x01x\x00"
BLOCK = HEAD + TAIL + STRINGS_HEAD + STRINGS
FRAMED = INFO + HEAD + b"\x00" + TAIL + STRINGS_HEAD + b"\x00" + STRINGS
EMPTY = b"\x01\x00\x01a\x06UInt16"
EMPTY_FRAMED = INFO + EMPTY + b"\x00"

TYPES = [
    "toInt8(-1)",
    "toUInt256(1)",
    "1.5",
    "true",
    "NULL",
    "'text'",
    "toFixedString('ab', 5)",
    "today()",
    "toDate32('1950-01-01')",
    "now()",
    "now64(9, 'Europe/Berlin')",
    "generateUUIDv4()",
    "toIPv4('1.2.3.4')",
    "toIPv6('::1')",
    "CAST('a', 'Enum8(''a'' = 1, ''b, (c)'' = 2)')",
    "toDecimal32(1, 2)",
    "toDecimal64(1, 2)",
    "toDecimal128(1, 2)",
    "toDecimal256(1, 2)",
    "toNullable('x')",
    "toLowCardinality('x')",
    "toLowCardinality(toNullable('x'))",
    "[toLowCardinality('x'), 'y']",
    "CAST([], 'Array(LowCardinality(String))')",
    "[[1, 2], []]",
    "CAST([], 'Array(String)')",
    "map('a', 1, 'b', 2)",
    "CAST(map('a', 'b'), 'Map(LowCardinality(String), String)')",
    "CAST((1, 'x, y'), 'Tuple(a UInt8, `b c` String)')",
    "(1, ('x', [NULL, 2]))",
    "CAST((1., 2.), 'Point')",
    "toIntervalDay(3)",
    "CAST([(1, 'x')], 'Nested(a UInt8, b String)')",
]


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_blocks(step: int) -> None:
    data = BLOCK + EMPTY + BLOCK
    frames = NativeFrames()
    out = [frames.feed(data[at : at + step]) for at in range(0, len(data), step)]
    assert b"".join([*out, frames.finish()]) == FRAMED + EMPTY_FRAMED + FRAMED


def test_a_type_that_is_not_known_says_so() -> None:
    with pytest.raises(StoreError, match="toString"):
        NativeFrames().feed(b"\x01\x01\x01a\x04JSON" + bytes(30))


@pytest.mark.real
@pytest.mark.parametrize("expression", TYPES)
def test_types(store: StoreProcess, expression: str) -> None:
    """A column after the one tested is found only if that one's end is."""
    sql = f"SELECT materialize({expression}) AS x, 'end' AS y FROM numbers(10) FORMAT Native"
    plain = store.query(sql)
    framed = store.query(sql, client_protocol_version=54460)
    assert plain.status == framed.status == 200, framed.text
    assert len(framed.body) == len(plain.body) + len(INFO) + 2
    assert framed.body.startswith(INFO)
    assert framed.body.endswith(b"\x01y\x06String\x00" + b"\x03end" * 10)
