"""Visitor cookies of the bench: signed by a key that the bench gives its collectors.

They were written so late that none is set anew during a run, as for most requests of a busy site.
"""

from pathlib import Path
from uuid import UUID

from collector.secrets import KEY_BYTES, Secrets
from collector.settings import CollectorSettings
from collector.visitor_cookie import Visit, VisitorCookie

_KEY = bytes(KEY_BYTES)
_BEGAN, _WRITTEN = 0x1C00000, 0xFFFFFFF
_COOKIE = VisitorCookie(CollectorSettings(), Secrets([_KEY]).signer("cookie"))


def visitor_cookie(visitor: UUID) -> str:
    """Return the value of a visitor's cookie."""
    return _COOKIE.value(Visit(str(visitor), _BEGAN, _WRITTEN))


def secret_file(folder: Path) -> Path:
    """Write the key into a folder, for a collector to read."""
    path = folder / "secret.keys"
    path.touch(mode=0o600)
    path.write_text(f"{_KEY.hex()}\n")
    return path
