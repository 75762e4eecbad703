"""Header blocks that came twice, and what they said: who comes again need not be understood again.

A proxy of mail sends the same block for every opening; a browser, or a proxy that keeps no
connections, sends it for every pixel of a page. A block is remembered with the address it came
from, since what it says of the client depends on both. One that came once leaves its hash alone, so
strangers fill no memory; both memories are bounded, and forgetting all costs a second look.

Knows nothing of connections; whoever notes a block has read it.
"""

from typing import Final, NamedTuple

from collector.facts import Facts

# Each holds two or three kilobytes: the block, and the line's parts that are made of it.
REGULARS_MAX: Final = 4_096
BLOCK_BYTES_MAX: Final = 2_048
# Of those that came once; some fifty bytes each.
SEEN_MAX: Final = 16_384


class Regular(NamedTuple):
    """What a header block says, and whether the connection ends with the answer."""

    facts: Facts
    close: bool


class Regulars:
    """The header blocks of one worker's clients. A block begins with the version before it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], Regular] = {}
        self._seen: set[int] = set()
        # Returns what a block (with the address before it) says; None if it is not known.
        self.find = self._known.get

    def note(self, peer: str, block: bytes, facts: Facts, close: bool) -> None:
        """Note a block that `find` did not know, with what it says; kept if it came before."""
        if len(block) > BLOCK_BYTES_MAX:
            return
        key = peer, block
        if hash(key) not in self._seen:
            if len(self._seen) >= SEEN_MAX:
                self._seen.clear()
            self._seen.add(hash(key))
            return
        if len(self._known) >= REGULARS_MAX:
            self._known.clear()
        self._known[key] = Regular(facts, close)
