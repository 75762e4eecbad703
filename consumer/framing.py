"""Whether each line of a batch is one row to ClickHouse, no more and no less.

ClickHouse's JSONEachRow does not look at newlines: an empty line is no row, ``{…}{…}`` is two, and
a line cut short can take the next one for its rest. A line is safe if it begins with ``{"``, ends
with ``}`` and holds no ``}`` followed by ``{``:

- After such a line the parser is between rows, or inside something. Inside a string it would end
  the string at the next line's first quote and then find a letter of the member's name; inside an
  object it would find ``{`` where a comma or ``}`` must stand. Both are errors that it reports.
- With no ``}`` before a ``{`` in it, the line can't hold a second row.

So errors aside, rows are lines. Any other line must be one JSON object by a strict parser, or it is
refused; so is one without an id or a time received, which would be of 1970 to ClickHouse, and
deleted by the retention unseen. Must not know what a hit is beyond that.
"""

import re
from collections.abc import Mapping

import orjson

from schemas.delivery import Batch
from schemas.hit import received_at_of

# What ClickHouse skips between two rows: white space, a comma or a semicolon.
_SECOND_ROW = re.compile(rb"\}[ \t\r\v\f,;]*\{")
_START = b'{"id":"'
_BOUNDARY = b"}\n" + _START
_TIME = b'","received_at":"'
REASON_BYTES_MAX = 300


def unsafe_lines(batch: Batch) -> Mapping[int, str]:
    """Return the position of each line that is not exactly one row, and what is wrong with it."""
    if _is_safe(batch.data, batch.rows):
        return {}
    rows = zip(batch.row_positions(), batch.lines(), strict=True)
    left_out = set(batch.left_out)
    problems = ((position, _problem(line)) for position, line in rows if position not in left_out)
    return {position: problem for position, problem in problems if problem}


def _is_safe(data: bytes, rows: int) -> bool:
    return (
        data.startswith(_START)
        and data.endswith(b"}\n")
        and data.count(_BOUNDARY) == rows - 1
        and data.count(_TIME) == rows
        and _SECOND_ROW.search(data) is None
    )


def _problem(line: bytes) -> str:
    plain = line.startswith(_START) and line.endswith(b"}") and received_at_of(line)[:2] == b"20"
    if plain and _SECOND_ROW.search(line) is None:
        return ""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"[:REASON_BYTES_MAX]
    if not isinstance(value, dict):
        return f"not a JSON object but a {type(value).__name__}"
    missing = [name for name in ("id", "received_at") if not value.get(name)]
    return f"no {missing[0]}" if missing else ""
