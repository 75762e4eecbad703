"""Generated actions on a journal against a model of it: a list of lines and where they stand.

What must hold: an acknowledged line is read once and in order, unless a power cut took it before it
was read; a position never stands for two lines that were read; refused lines are not there.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.journal import checkpoint
from schemas.journal.reader import JournalReader, purge
from schemas.journal.segment import segments, whole_lines_size
from schemas.journal.writer import JournalRefused, JournalWriter
from tests.support.faulty_write import FaultyWrite

READER = "clickhouse"
# A checkpoint is synced; in memory that takes no time.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
SEGMENT_BYTES = 150
SEGMENT_AGE = 10.0
QUOTA_BYTES = 1500
LINES = st.lists(st.integers(1, 40), min_size=1, max_size=6)


class JournalMachine(RuleBasedStateMachine):
    """One journal, its writer and one reader."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY)) / "w0"
        self.now = 0.0
        self.number = 0
        # Acknowledged lines that are still to be read, with their positions.
        self.unread: list[tuple[int, bytes]] = []
        self.read_at: dict[int, bytes] = {}
        self.position = 0
        self.open()
        self.identity = self.writer.identity
        self.reader = JournalReader(self.folder)

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.read_all()
            self.writer.close()
            self.reader.close()
            shutil.rmtree(self.folder.parent)

    def open(self) -> None:
        self.write = FaultyWrite()
        self.writer = JournalWriter(
            self.folder,
            segment_bytes_max=SEGMENT_BYTES,
            segment_age_seconds_max=SEGMENT_AGE,
            quota_bytes_max=QUOTA_BYTES,
            monotonic=lambda: self.now,
            write=self.write,
        )

    def lines(self, sizes: list[int]) -> list[bytes]:
        lines = []
        for size in sizes:
            self.number += 1
            lines.append(b"%06d" % self.number + b"x" * size + b"\n")
        return lines

    def append(self, sizes: list[int]) -> None:
        lines = self.lines(sizes)
        at, kept = self.writer.position, len(lines)
        try:
            self.writer.append(lines)
        except JournalRefused as refused:
            kept = refused.kept
            assert kept < len(lines)
        for line in lines[:kept]:
            self.unread.append((at, line))
            at += len(line)
        assert self.writer.position == at

    @rule(sizes=LINES)
    def append_lines(self, sizes: list[int]) -> None:
        self.append(sizes)

    @rule(sizes=LINES, cuts=st.lists(st.integers(1, 60), min_size=1, max_size=4))
    def append_in_short_writes(self, sizes: list[int], cuts: list[int]) -> None:
        self.write.short = cuts
        self.append(sizes)
        self.write.short = []

    @rule(sizes=LINES, after=st.integers(0, 250))
    def append_on_a_full_disk(self, sizes: list[int], after: int) -> None:
        self.write.full_after = after
        self.append(sizes)
        self.write.full_after = None

    @rule(seconds=st.sampled_from([1.0, SEGMENT_AGE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.writer.recount()

    @rule(torn=st.sampled_from([b"", b"{", b"torn tail", b"\0" * 50]))
    def crash(self, torn: bytes) -> None:
        self.writer.close()
        found = segments(self.folder)
        if found:
            with found[-1].path.open("ab") as file:
                file.write(torn)
        self.open()

    @rule(taken=st.integers(1, 200), nuls=st.booleans())
    def power_cut(self, taken: int, nuls: bool) -> None:
        self.writer.close()
        found = segments(self.folder)
        if found:
            newest = found[-1]
            size = newest.size
            left = max(0, size - taken)
            with newest.path.open("rb+") as file:
                file.truncate(left)
                if nuls:
                    file.truncate(size)
            end = newest.base + whole_lines_size(newest.path)
            self.unread = [(at, line) for at, line in self.unread if at + len(line) <= end]
        self.open()

    @rule(bytes_max=st.integers(60, 400))
    def read(self, bytes_max: int) -> None:
        chunk = self.reader.read(self.position, bytes_max)
        assert len(chunk.data) == chunk.end - chunk.start
        if not chunk.data:
            assert not self.unread
            return
        # As a pump does: what is about to be used is remembered first.
        checkpoint.store(self.folder, READER, {"position": self.position, "end": chunk.end})
        at = chunk.start
        for line in chunk.data.splitlines(keepends=True):
            assert (at, line) == self.unread.pop(0)
            assert at not in self.read_at
            self.read_at[at] = line
            at += len(line)
        assert at == chunk.end
        self.position = chunk.end
        checkpoint.store(self.folder, READER, {"position": chunk.end, "end": chunk.end})

    @rule()
    def purge(self) -> None:
        purge(self.folder, [READER])
        self.writer.recount()

    @rule()
    def read_from_anew(self) -> None:
        self.reader.close()
        self.reader = JournalReader(self.folder)

    @rule()
    def read_all(self) -> None:
        while self.unread:
            self.read(400)
        self.read(400)

    @invariant()
    def the_quota_holds(self) -> None:
        if hasattr(self, "writer"):
            assert sum(segment.size for segment in segments(self.folder)) <= QUOTA_BYTES
            assert self.writer.identity == self.identity


JournalMachine.TestCase.settings = settings(stateful_step_count=30)
TestJournal = JournalMachine.TestCase
