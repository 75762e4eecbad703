"""A file of the operator's that is read at start and again on SIGHUP; broken, it changes nothing.

At start it may be given as text: a supervisor hands its workers what it last found to be whole, so
that a worker that is started again while the file is broken has what the others have.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class RereadFile(Generic[T]):
    """One file. `value` is what was last read of it; `problem` why it was not read since."""

    def __init__(
        self,
        path: Path | None,
        parse: Callable[[str, str], T],
        nothing: T,
        bad: type[Exception],
        text: str | None = None,
    ) -> None:
        """Read it; `nothing` is its value without a path. Raises `bad`, as `parse` does."""
        self._path = path
        self._parse = parse
        self._bad = bad
        self.problem = ""
        if path is None:
            self.value = nothing
        else:
            self.value = self._read(path) if text is None else parse(text, str(path))

    def reload(self) -> bool:
        """Read the file again; False if there is none, or it stays as it was, being broken."""
        if self._path is None:
            return False
        try:
            self.value = self._read(self._path)
        except self._bad as error:
            self.problem = f"not read again, the one before holds: {error}"
            log.error("%s", self.problem)
            return False
        self.problem = ""
        log.info("%s: read again", self._path)
        return True

    def _read(self, path: Path) -> T:
        return self._parse(read_text(path, self._bad), str(path))


def read_text(path: Path, bad: type[Exception]) -> str:
    """Return a file's text; raises `bad` with the file's name."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise bad(f"{path}: not UTF-8") from error
    except OSError as error:
        raise bad(f"{path}: {error.strerror}") from error
