"""The file of keys: made once by whoever is first, refused with its name, rotated by a line."""

import hmac
import os
import re
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.secrets import (
    SIGNATURE_CHARACTERS,
    BadSecret,
    Secrets,
    Signer,
    Use,
    load_secrets,
    secret_path,
)

OLD, NEW = "0a" * 32, "1b" * 32


def signature(secrets: Secrets, use: Use = "link", message: bytes = b"message") -> str:
    return secrets.signer(use).signature(message)


def test_first_worker_makes_the_file_for_all(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.keys"
    with ThreadPoolExecutor(16) as pool:
        loaded = list(pool.map(lambda _: load_secrets(path, os.urandom), range(64)))
    assert len({signature(secrets) for secrets in loaded}) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_uses_have_keys_of_their_own() -> None:
    secrets = Secrets([bytes(32)])
    uses: tuple[Use, ...] = get_args(Use)
    assert len({signature(secrets, use) for use in uses}) == len(uses)
    assert len({secrets.key(use) for use in uses}) == len(uses)


def test_signature_fits_a_url_and_a_cookie() -> None:
    for number in range(300):
        text = signature(Secrets([bytes(32)]), "cookie", str(number).encode())
        assert re.fullmatch(r"[\w-]+", text, re.ASCII)
        assert len(text) == SIGNATURE_CHARACTERS


@given(st.binary(max_size=150), st.binary(max_size=150))
def test_signature_is_the_first_half_of_an_hmac(key: bytes, message: bytes) -> None:
    digest = hmac.digest(key, message, "sha256")[:16]
    assert Signer([key]).signature(message) == urlsafe_b64encode(digest).decode().rstrip("=")


def test_first_key_signs_and_all_verify(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{OLD}\n")
    path.chmod(0o600)
    before = signature(load_secrets(path, os.urandom))
    path.write_text(f"# new\n{NEW}\n\n{OLD.upper()}\n")
    both = load_secrets(path, os.urandom)
    assert signature(both) != before
    signer = both.signer("link")
    assert signer.is_signed(b"message", before)
    assert signer.is_signed(b"message", signature(both))
    assert not both.signer("cookie").is_signed(b"message", before)
    path.write_text(NEW)
    assert not load_secrets(path, os.urandom).signer("link").is_signed(b"message", before)


@pytest.mark.parametrize("given", ["", "x", "é" * 22, "\ud800" * 22, "a" * 22, "a" * 10_000])
def test_what_is_no_signature_is_refused(given: str) -> None:
    assert not Secrets([bytes(32)]).signer("link").is_signed(b"message", given)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no key"),
        (b"# only a comment\n", "holds no key"),
        (b"abc\n", "line 1: a key is 64 hex digits"),
        (OLD.encode() + b"\npassword-of-somebody", "line 2: a key is"),
        (OLD.encode() + b"0", "in pairs"),
        (b"\xff\xfe", "can't read"),
    ],
)
def test_unusable_file_is_named_and_its_content_is_not(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSecret, match=r"collector\.secret_file") as raised:
        load_secrets(path, os.urandom)
    assert reason in str(raised.value)
    assert str(path) in str(raised.value)
    assert "password" not in str(raised.value)


def test_who_only_signs_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadSecret, match="start the collector once"):
        load_secrets(tmp_path / "keys", None)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSecret, match="can't read or make"):
        load_secrets(tmp_path / "file" / "keys", os.urandom)


def test_file_that_all_may_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys"
    path.write_text(OLD)
    path.chmod(0o644)
    load_secrets(path, os.urandom)
    assert "everybody on this machine" in caplog.text
    assert OLD not in caplog.text


def test_path_is_the_settings_or_beside_the_journal(tmp_path: Path) -> None:
    assert secret_path(None, tmp_path / "journal") == tmp_path / "secret.keys"
    assert secret_path(tmp_path / "other", tmp_path / "journal") == tmp_path / "other"
