"""A reader's checkpoint: a small JSON file, replaced atomically and synced before it counts.

Its member ``position`` is the next byte to read; ``end``, if there is one, is the end of the range
that the reader may have passed on already; the rest belongs to the reader. A file that cannot be
read is an error that names it: guessing a position would lose or double hits.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import Explained

SUFFIX = ".checkpoint"


class CheckpointUnreadable(Explained):
    """A checkpoint file is not what a reader wrote; a person has to look at it."""


def checkpoint_path(folder: Path, reader: str) -> Path:
    """Return where `reader` keeps its checkpoint of the journal in `folder`."""
    return folder / f"{reader}{SUFFIX}"


def load(folder: Path, reader: str) -> dict[str, Any] | None:
    """Return the checkpoint, or None if the reader has none yet.

    Raises CheckpointUnreadable for a file that holds no position.
    """
    path = checkpoint_path(folder, reader)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        checkpoint = orjson.loads(content)
        if not isinstance(checkpoint["position"], int):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointUnreadable(
            f"{path} holds no position (it begins {content[:40]!r}): restore it from a backup, or "
            "delete it to read the journal from its oldest segment (hits may then count twice)"
        ) from error
    return dict(checkpoint)


def store(folder: Path, reader: str, checkpoint: Mapping[str, Any]) -> None:
    """Replace the checkpoint; when this returns it survives a power cut. May block on the disk.

    Raises OSError (disk full, say); the old checkpoint then still stands.
    """
    path = checkpoint_path(folder, reader)
    replace_file(path, orjson.dumps(checkpoint))


def replace_file(path: Path, content: bytes) -> None:
    """Replace a small file atomically and durably (write beside it, sync, rename, sync folder)."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def furthest_position(folder: Path) -> int:
    """Return the largest position that a reader has passed on or may have, 0 if there is none.

    A line written at or behind it can't be taken for one that a reader had before a power cut.
    """
    readers = (path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return max((_member(folder, reader, "end") for reader in readers), default=0)


def slowest_position(folder: Path, readers: Iterable[str]) -> int:
    """Return the smallest position of the named readers; 0 if one has no checkpoint."""
    return min((_member(folder, reader, "position") for reader in readers), default=0)


def _member(folder: Path, reader: str, name: str) -> int:
    """Return a member of a reader's checkpoint, its position if it has none, 0 without one."""
    with contextlib.suppress(CheckpointUnreadable):
        checkpoint = load(folder, reader)
        return 0 if checkpoint is None else int(checkpoint.get(name, checkpoint["position"]))
    return 0
