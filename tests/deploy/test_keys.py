"""`heliograph keys` and `heliograph sites`: what they print, what they write, what they refuse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.api_keys import ApiKeys
from deploy import cli


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def run(file: Path, *arguments: str) -> int:
    return cli.main([*arguments, f"--collector.keys_file={file}"])


def test_a_new_key_opens_until_it_is_revoked(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(file, "keys", "new", "server", "--site=shop") == 0
    token = capsys.readouterr().out.strip()
    key = ApiKeys(file).find(token, datetime.now(UTC))
    assert key is not None
    assert (key.name, key.site, key.scopes) == ("server", "shop", ["events"])
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert run(file, "keys", "revoke", "server") == 0
    assert ApiKeys(file).find(token, datetime.now(UTC)) is None


def test_keys_live_side_by_side(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(file, "keys", "new", "old", "--site=shop", "--days=0")
    run(file, "keys", "new", "new", "--site=shop", "--scope=events", "--scope=consent", "--days=30")
    old, new = capsys.readouterr().out.split()
    keys, now = ApiKeys(file), datetime.now(UTC)
    assert keys.find(old, now + timedelta(days=9999)) is not None
    assert keys.find(new, now + timedelta(days=29)) is not None
    assert keys.find(new, now + timedelta(days=30)) is None
    assert run(file, "keys", "list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2
    assert "old  site shop  may events" in listed[0]
    assert "ends never  good" in listed[0]
    assert "may events, consent" in listed[1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["keys", "new", "A", "--site=shop"], "a key's name has a-z"),
        (["keys", "new", "a", "--site=a b"], "a site's key has"),
        (["keys", "new", "server", "--site=shop"], "there is a key server"),
        (["keys", "revoke", "nobody"], "there is no key nobody"),
    ],
)
def test_what_cannot_be_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], error: str
) -> None:
    run(file, "keys", "new", "server", "--site=shop")
    before = file.read_text()
    assert run(file, *arguments) == cli.EXIT_BAD_SETTINGS
    assert error in capsys.readouterr().err
    assert file.read_text() == before


def test_a_file_is_needed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["keys", "list"]) == cli.EXIT_BAD_SETTINGS
    assert "collector.keys_file is not set" in capsys.readouterr().err
    assert run(tmp_path / "none.toml", "keys", "list") == cli.EXIT_BAD_SETTINGS
    assert run(tmp_path / "no" / "folder", "keys", "new", "a", "--site=a") == cli.EXIT_BAD_SETTINGS
    assert "collector.keys_file" in capsys.readouterr().err


def test_sites_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sites.toml"
    file.write_text('[[site]]\nkey = "shop"\norigins = ["https://shop.example"]\n')
    check = ["sites", "check", f"--collector.sites_file={file}"]
    assert cli.main([*check, "--collector.unknown_sites=refuse"]) == 0
    shop, other = capsys.readouterr().out.splitlines()
    assert shop.startswith("site shop: consent granted by default; ")
    assert "pages https://shop.example;" in shop
    assert other.startswith("any other (refused): ")
    file.write_text('[[site]]\nkey = "shop"\ncolour = 1\n')
    assert cli.main(check) == cli.EXIT_BAD_SETTINGS
    assert "site 'shop': colour: no such member" in capsys.readouterr().err
