"""Makes the engine forget the tokens of inserts that a kill -9 cut off, before it is opened.

MergeTree writes a block's token into the table's log of tokens, and then gives the block's part its
name. Killed in between, it knows the token and has no part, and takes the repeated insert, the one
that would bring the rows, for a copy (seen with chDB 26.9; ClickHouse's MergeTreeSink has the same
order; a replicated table does both in one step). A part that was merged is in a larger one, and one
that was dropped is noted as such, so a token whose part is nowhere is of such an insert.

The log is ``store/*/<table>/deduplication_logs/deduplication_log_<n>.txt``: lines of operation
(1 added, 2 dropped), part and block id, read in the order of n. Must run while no engine has the
folder open.
"""

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

_ADDED, _DROPPED = "1", "2"
_NUMBER = re.compile(r"deduplication_log_(\d+)\.txt")
# <partition>_<first block>_<last block>_<level>, and _<mutation> once there was one.
_PART = re.compile(r"([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?")


class _Blocks(NamedTuple):
    """The blocks that a part is made of."""

    partition: str
    first: int
    last: int


def forget_unfinished_inserts(folder: Path) -> int:
    """Note as dropped every token without its part, in all tables; return how many there were.

    Raises OSError.
    """
    return sum(_mend(logs) for logs in sorted(folder.glob("store/*/*/deduplication_logs")))


def _mend(logs: Path) -> int:
    files = sorted(
        (int(found[1]), path) for path in logs.iterdir() if (found := _NUMBER.fullmatch(path.name))
    )
    if not files:
        return 0
    live: dict[str, str] = {}
    for _, path in files:
        for operation, part, block in _records(path.read_text()):
            if operation == _ADDED:
                live[block] = part
            elif operation == _DROPPED:
                live.pop(block, None)
    there = _Parts(logs.parent)
    lost = {block: part for block, part in live.items() if not there.have(part)}
    _append(files[-1][1], "".join(f"{_DROPPED}\t{part}\t{block}\n" for block, part in lost.items()))
    if lost:
        log.warning(
            "%s: %d inserts were cut off, their tokens are forgotten", logs.parent.name, len(lost)
        )
    return len(lost)


def _records(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the whole records; a last one that was cut off has no end of line."""
    for line in text.split("\n")[:-1]:
        operation, part, block = line.split("\t")
        yield operation, part, block


def _append(path: Path, records: str) -> None:
    """Add records, in the place of one that was cut off."""
    with path.open("r+b") as file:
        whole = file.read().rfind(b"\n") + 1
        file.seek(whole)
        file.truncate()
        file.write(records.encode())


class _Parts:
    """The parts that a table has: they are apart, or one is within another."""

    def __init__(self, table: Path) -> None:
        # By partition, those within no other, in order.
        self._outermost: dict[str, list[_Blocks]] = {}
        found = filter(None, (_blocks(path.name) for path in table.iterdir()))
        for blocks in sorted(found, key=lambda one: (one.first, -one.last)):
            outermost = self._outermost.setdefault(blocks.partition, [])
            if not outermost or outermost[-1].last < blocks.last:
                outermost.append(blocks)

    def have(self, part: str) -> bool:
        """Tell whether the part is there, or within one that is."""
        blocks = _blocks(part)
        if blocks is None:
            return True
        outermost = self._outermost.get(blocks.partition, [])
        at = bisect_right(outermost, blocks.first, key=lambda one: one.first) - 1
        return at >= 0 and blocks.last <= outermost[at].last


def _blocks(name: str) -> _Blocks | None:
    found = _PART.fullmatch(name)
    return _Blocks(found[1], int(found[2]), int(found[3])) if found else None
