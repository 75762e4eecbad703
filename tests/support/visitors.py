"""Visitor cookies of tests: signed by a key that every test knows, fresh at any time."""

from pathlib import Path

from collector.secrets import KEY_BYTES, Secrets
from collector.settings import CollectorSettings
from collector.visitor_cookie import Visit, VisitorCookie

KEY = bytes(KEY_BYTES)
SECRETS = Secrets([KEY])
VISITOR = "01234567-89ab-4def-8123-456789abcdef"
OTHER_VISITOR = "ffffffff-89ab-4def-8123-456789abcdef"
# Written so late that no test's clock finds the cookie old.
BEGAN, NEVER_OLD = 0x1000000, 0xFFFFFFF

_COOKIE = VisitorCookie(CollectorSettings(), SECRETS.signer("cookie"))


def cookie(visitor_id: str = VISITOR, began: int = BEGAN, written: int = NEVER_OLD) -> bytes:
    """Return a Cookie header's pair."""
    return b"hg=" + _COOKIE.value(Visit(visitor_id, began, written)).encode()


def write_secret(folder: Path) -> Path:
    """Write the file of the key that signed them."""
    path = folder / "secret.keys"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{KEY.hex()}\n")
    path.chmod(0o600)
    return path
