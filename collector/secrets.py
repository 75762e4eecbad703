"""The collector's secret: one file of keys, and from them a key for each use.

All workers of a collector, and all collectors of a farm, must hold the same file, or one refuses
what another signed. A worker that finds none makes one; the file appears whole or not at all, so
workers that start together agree. The first key signs, all verify: to rotate, put a new line first,
restart, and take the old one away once nothing signed with it matters.

Knows nothing of cookies or links: a use is a name, and keys of different uses tell nothing of each
other (RFC 5869: the HMAC of the use's name).
"""

import hmac
import logging
import os
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

log = logging.getLogger(__name__)

FILE_NAME: Final = "secret.keys"
KEY_BYTES: Final = 32
# 128 bits: to guess one takes 2^127 requests.
SIGNATURE_BYTES: Final = 16
SIGNATURE_CHARACTERS: Final = 22
# SHA-256's block, what HMAC makes of a key's bytes, and base64's letters for URLs.
_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_URL: Final = bytes.maketrans(b"+/", b"-_")
_KEY = re.compile(r"[0-9a-f]{64,}", re.IGNORECASE)
_HEADER = (
    "# The keys of this collector: keep them secret and the same on all machines.\n"
    "# One a line, 64 or more hex digits; the first signs, all verify.\n"
)

Use = Literal["cookie", "link", "recipient", "salt", "start"]


class BadSecret(Exception):
    """A file of keys that can't be used, or made; the message names file and setting."""


class Signer:
    """Signs texts for one use, and tells what was signed for it."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_Key(key) for key in keys]

    def signature(self, message: bytes) -> str:
        """Return a message's signature: 22 characters that may stand in a URL and in a cookie."""
        return self._keys[0].signature(message).decode()

    def is_signed(self, message: bytes, signature: str) -> bool:
        """Tell whether a signature is that of the message, under any of the keys."""
        given = signature.encode(errors="replace")
        return any(hmac.compare_digest(key.signature(message), given) for key in self._keys)


class _Key:
    """HMAC-SHA256 (RFC 2104) with the key's part of the work done once.

    `hmac.digest` does it for each message and looks its algorithm up: 1.2 µs instead of 0.4 (EPYC,
    CPython 3.11, 2026-11).
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(
            _BLOCK_BYTES, b"\0"
        )
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))

    def signature(self, message: bytes) -> bytes:
        """Return a message's signature."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        # What is cut off is padding.
        return b2a_base64(outer.digest()[:SIGNATURE_BYTES])[:SIGNATURE_CHARACTERS].translate(_URL)


class Secrets:
    """The keys of each use."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def signer(self, use: Use) -> Signer:
        """Return the signer of a use."""
        return Signer([_derived(key, use) for key in self._keys])

    def key(self, use: Use) -> bytes:
        """Return a use's own key of 32 bytes, derived from the first of the file."""
        return _derived(self._keys[0], use)


def secret_path(secret_file: Path | None, journal_path: Path) -> Path:
    """Return where the keys are: the file that the setting names, else one beside the journal."""
    return secret_file or journal_path.parent / FILE_NAME


def load_secrets(path: Path, random_bytes: Callable[[int], bytes] | None) -> Secrets:
    """Read the keys; make the file if there is none and `random_bytes` is given. Raises BadSecret.

    Who signs for a collector must not make it: a file of his own would be another's.
    """
    try:
        text = _read(path)
        if text is None and random_bytes is not None:
            _make(path, random_bytes(KEY_BYTES))
            text = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadSecret(f"collector.secret_file: can't read or make {path}: {error}") from error
    if text is None:
        raise BadSecret(
            f"collector.secret_file: no keys at {path}: start the collector once, or name its file"
        )
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise BadSecret(f"collector.secret_file: {path} holds no key")
    for key in keys:
        if not _KEY.fullmatch(key) or len(key) % 2:
            # Which line it is must not be said with the line: this goes to the log.
            number = lines.index(key) + 1
            raise BadSecret(
                f"collector.secret_file: {path}, line {number}: a key is 64 hex digits or more, "
                "in pairs"
            )
    return Secrets([bytes.fromhex(key) for key in keys])


def _read(path: Path) -> str | None:
    try:
        if path.stat().st_mode & 0o007:
            log.warning("collector.secret_file: everybody on this machine may use %s", path)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _make(path: Path, key: bytes) -> None:
    """Make the file, unless another worker was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{key[:4].hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{_HEADER}{key.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole, and only if the name is free: the first worker's file is everyone's.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _derived(key: bytes, use: Use) -> bytes:
    return hmac.digest(key, f"heliograph {use}".encode(), sha256)
