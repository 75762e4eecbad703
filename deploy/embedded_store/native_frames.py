"""Native as some clients want it: with `client_protocol_version` ≥ 54454, as clickhouse-go and so
Grafana's data source send.

At that version a block begins with a block info, and each column has one byte between its type and
its data that says whether the data is in a special serialization. The engine gives no way to ask
for it through SQL, so the store finds where each column of the engine's Native ends and puts the
bytes in. Values are stepped over, never looked at; all are whole columns at once but strings.
Invariant: what comes out is what came in plus those bytes; a type whose length is not known here is
an error that says so. Knows nothing of HTTP.
"""

import re
from collections.abc import Iterator

from deploy.embedded_store.errors import NOT_IMPLEMENTED, StoreError

PROTOCOL_VERSION_MIN = 54454

# Field 1 is_overflows = 0, field 2 bucket_num = -1, no more fields.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_NO_SPECIAL_SERIALIZATION = b"\x00"
_TYPE = re.compile(r"(\w+)(?:\((.*)\))?\Z", re.DOTALL)
_SIZES = {
    "Int8 UInt8 Bool Nothing Enum8": 1,
    "Int16 UInt16 BFloat16 Date Enum16": 2,
    "Int32 UInt32 Float32 Date32 DateTime Time IPv4 Decimal32": 4,
    "Int64 UInt64 Float64 DateTime64 Time64 Decimal64": 8,
    "Int128 UInt128 UUID IPv6 Decimal128": 16,
    "Int256 UInt256 Decimal256": 32,
}
_SIZE_BY_TYPE = {name: size for names, size in _SIZES.items() for name in names.split()}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
_DECIMAL_SIZES = ((9, 4), (18, 8), (38, 16), (76, 32))


class _Incomplete(Exception):
    """The block goes on past the bytes that are here."""


class NativeFrames:
    """Takes the engine's Native piece by piece and yields whole framed blocks."""

    def __init__(self) -> None:
        self._buffer = b""
        self._try_at = 1

    def feed(self, data: bytes) -> bytes:
        """Return the blocks that are complete with `data`; raises StoreError."""
        self._buffer += data
        if len(self._buffer) < self._try_at:
            return b""
        out: list[bytes] = []
        while self._buffer:
            try:
                framed, end = _frame_block(self._buffer)
            except _Incomplete:
                break
            out += framed
            self._buffer = self._buffer[end:]
        # So that a large block is tried a few times, not once for each piece of it.
        self._try_at = 2 * len(self._buffer) if self._buffer else 1
        return b"".join(out)

    def finish(self) -> bytes:
        """Return the last blocks."""
        self._try_at = 0
        return self.feed(b"")


def _frame_block(data: bytes) -> tuple[list[bytes], int]:
    columns, at = _varint(data, 0)
    rows, at = _varint(data, at)
    out = [_BLOCK_INFO, data[:at]]
    for _ in range(columns):
        start = at
        _, at = _string(data, at)
        type_name, at = _string(data, at)
        end = _skip_column(data, at, type_name.decode(), rows) if rows else at
        if end > len(data):
            raise _Incomplete
        out += (data[start:at], _NO_SPECIAL_SERIALIZATION, data[at:end])
        at = end
    return out, at


def _skip_column(data: bytes, at: int, type_name: str, rows: int) -> int:
    """Return the end of a column; each LowCardinality in it has a version before all data."""
    versions = len(re.findall(r"\bLowCardinality\(", type_name))
    return _skip(data, at + 8 * versions, type_name, rows)


def _skip(data: bytes, at: int, type_name: str, rows: int) -> int:
    """Return the end of `rows` values of a type that begin at `at`."""
    match = _TYPE.match(type_name)
    name, arguments = (match[1], match[2] or "") if match else (type_name, "")
    if name in _SIZE_BY_TYPE:
        return at + _SIZE_BY_TYPE[name] * rows
    if name in _ALIASES:
        return _skip(data, at, _ALIASES[name], rows)
    if name == "String":
        return _skip_strings(data, at, rows)
    if name == "FixedString":
        return at + int(arguments) * rows
    if name == "Decimal":
        precision = int(arguments.split(",")[0])
        return at + rows * next(size for digits, size in _DECIMAL_SIZES if precision <= digits)
    return _skip_compound(data, at, name, arguments, rows)


def _skip_compound(data: bytes, at: int, name: str, arguments: str, rows: int) -> int:
    if name == "Nullable":
        return _skip(data, at + rows, arguments, rows)
    if name == "SimpleAggregateFunction":
        return _skip(data, at, arguments.split(",", 1)[1].strip(), rows)
    if name == "Tuple":
        for element in _elements(arguments):
            at = _skip(data, at, element, rows)
        return at
    if name in ("Array", "Map", "Nested"):
        offsets_end = at + 8 * rows
        total = _uint64(data, offsets_end - 8)[0] if rows else 0
        element = arguments if name == "Array" else f"Tuple({arguments})"
        return _skip(data, offsets_end, element, total)
    if name == "LowCardinality":
        return _skip_low_cardinality(data, at, arguments, rows)
    if name.startswith("Interval"):
        return at + 8 * rows
    raise StoreError(
        NOT_IMPLEMENTED,
        f"The embedded store can't send type {name} to clients with a client_protocol_version; "
        "wrap the column in toString().",
    )


def _skip_low_cardinality(data: bytes, at: int, type_name: str, rows: int) -> int:
    """Step over flags, the dictionary of the block, and the indexes into it."""
    if rows == 0:
        return at
    flags, at = _uint64(data, at)
    keys, at = _uint64(data, at)
    inner = type_name.removeprefix("Nullable(").removesuffix(")")
    at = _skip(data, at, inner if type_name.startswith("Nullable(") else type_name, keys)
    return at + 8 + (1 << (flags & 0xFF)) * rows


def _skip_strings(data: bytes, at: int, rows: int) -> int:
    for _ in range(rows):
        length, at = _varint(data, at)
        at += length
    return at


def _elements(arguments: str) -> Iterator[str]:
    """Yield the types of a tuple's elements, their names cut off."""
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(arguments + ","):
        if char == "'" and (at == 0 or arguments[at - 1] != "\\"):
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if char == "," and depth == 0:
                yield _without_name(arguments[start:at].strip())
                start = at + 1


def _without_name(element: str) -> str:
    match = re.match(r"(?:`(?:[^`\\]|\\.)*`|\w+) (?=\w)", element)
    return element[match.end() :] if match else element


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _varint(data, at)
    if at + length > len(data):
        raise _Incomplete
    return data[at : at + length], at + length


def _uint64(data: bytes, at: int) -> tuple[int, int]:
    if at + 8 > len(data):
        raise _Incomplete
    return int.from_bytes(data[at : at + 8], "little"), at + 8


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise _Incomplete
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
