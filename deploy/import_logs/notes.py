"""How far each log file was imported: one small JSON file, replaced before and after each insert.

Before an insert it says which range is under way; after a kill that range, and no other, goes in
again under the same token, and the store drops it if it was in.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import orjson

from deploy.import_logs.log_file import LogFile
from schemas.errors import Explained
from schemas.journal.checkpoint import replace_file


class BadNotes(Explained):
    """The file of notes can't be used; the message names it."""


@dataclass(slots=True)
class FileNote:
    """One file: what it is known by, the next byte to read, the end of the range under way."""

    known_by_bytes: int
    known_by_sha256: str
    position: int = 0
    end: int | None = None
    # CloudFront: the names of the fields that hold at the position.
    fields: str = ""
    hits: int = 0
    others: int = 0
    bad: int = 0

    def token(self, end: int) -> str:
        """Return the token of the range from the position to `end`."""
        return f"import-{self.known_by_sha256[:32]}-{self.known_by_bytes}-{self.position}-{end}"


@dataclass(slots=True)
class Notes:
    """The notes of all files."""

    path: Path
    files: list[FileNote] = field(default_factory=list)
    # How much of the file of bad lines counts: what is behind was written by a run that was killed.
    bad_lines_bytes: int = 0

    def of(self, file: LogFile) -> FileNote:
        """Return the note of a file; a new one if it was never seen."""
        # The longest first: a file may begin as another one that was seen when it was short.
        for note in sorted(self.files, key=lambda note: -note.known_by_bytes):
            if file.is_known_by(note.known_by_bytes, note.known_by_sha256):
                if note.end is None:
                    note.known_by_bytes = len(file.head)
                    note.known_by_sha256 = sha256(file.head).hexdigest()
                return note
        note = FileNote(len(file.head), sha256(file.head).hexdigest())
        self.files.append(note)
        return note

    def save(self) -> None:
        """Replace the file; when this returns it survives a power cut."""
        content = {
            "bad_lines_bytes": self.bad_lines_bytes,
            "files": [asdict(note) for note in self.files],
        }
        replace_file(self.path, orjson.dumps(content, option=orjson.OPT_INDENT_2))


@contextmanager
def opened_notes(path: Path) -> Iterator[Notes]:
    """Read the notes, and lock them for as long as the context lasts; raises BadNotes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadNotes(f"{path} is in use by another import (--notes)") from error
        yield _read(path)


def _read(path: Path) -> Notes:
    if not path.exists():
        return Notes(path)
    try:
        content = orjson.loads(path.read_bytes())
        files = [FileNote(**note) for note in content["files"]]
        return Notes(path, files, content["bad_lines_bytes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadNotes(
            f"{path} is not what an import wrote (--notes): {error}; restore it, or delete it to "
            "import from the beginning (hits may then count twice)"
        ) from error
