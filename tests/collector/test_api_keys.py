"""Keys of API callers: what opens, what does not, and what the file says of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api_keys import ApiKey, ApiKeys, BadKeyFile, key_file_text, new_key, parse_key_file

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def make(name: str = "server", expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    return new_key(
        name,
        "shop",
        ["events"],
        created_at=NOW,
        expires_at=expires_at,
        random_bytes=Random(name).randbytes,
    )


def keys_of(folder: Path, *keys: ApiKey) -> ApiKeys:
    file = folder / "keys.toml"
    file.write_text(key_file_text(keys))
    return ApiKeys(file)


def test_a_token_opens_its_key_only(tmp_path: Path) -> None:
    (one, token), (other, other_token) = make("one"), make("other")
    keys = keys_of(tmp_path, one, other)
    assert keys.find(token, NOW) == one
    assert keys.find(other_token, NOW) == other
    assert keys.find(token.replace(".one.", ".other."), NOW) is None
    assert keys.find(make("third")[1], NOW) is None


@given(st.text())
def test_nothing_else_opens(text: str) -> None:
    keys = ApiKeys(None)
    assert keys.find(text, NOW) is None
    assert keys.find("hg.server." + text, NOW) is None


def test_a_key_ends(tmp_path: Path) -> None:
    key, token = make(expires_at=NOW + timedelta(days=1))
    keys = keys_of(tmp_path, key)
    assert keys.find(token, NOW) == key
    assert keys.find(token, NOW + timedelta(days=1)) is None


def test_the_file_has_no_token(tmp_path: Path) -> None:
    key, token = make(expires_at=NOW)
    text = key_file_text([key])
    assert token.rpartition(".")[2] not in text
    assert parse_key_file(text, "keys.toml") == [key]


def test_a_file_is_read_again_and_a_broken_one_is_not(tmp_path: Path) -> None:
    key, token = make()
    keys = keys_of(tmp_path, key)
    (tmp_path / "keys.toml").write_text("[[key]]\nname = 1")
    keys.reload()
    assert keys.find(token, NOW) == key
    assert "keys.toml: key number 1: name: got 1" in keys.file.problem
    (tmp_path / "keys.toml").write_text("")
    keys.reload()
    assert keys.find(token, NOW) is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "server"', 'name = "A B"', "key 'A B': name: got 'A B'"),
        ('["events"]', '["all"]', "scopes.0: got 'all'"),
        ('["events"]', "[]", "scopes: got []"),
        ('site = "shop"', "", "site: missing"),
        ('sha256 = "', 'sha256 = "A', "sha256: got"),
        ("created_at = 2026-11-24T09:00:00+00:00", "created_at = 2026-11-24", "created_at: got"),
        ("created_at", "made_at", "made_at: no such member"),
    ],
)
def test_a_fault_is_named(old: str, new: str, problem: str) -> None:
    text = key_file_text([make()[0]])
    assert old in text
    with pytest.raises(BadKeyFile) as caught:
        parse_key_file(text.replace(old, new), "keys.toml")
    assert problem in str(caught.value)


def test_two_keys_of_a_name_are_a_fault() -> None:
    with pytest.raises(BadKeyFile, match="key 'server': name: there are two of it"):
        parse_key_file(key_file_text([make()[0], make()[0]]), "keys.toml")
