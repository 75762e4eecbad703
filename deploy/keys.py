"""`heliograph keys new|list|revoke`: the file of API keys, `collector.keys_file`.

A key is printed once, when it is made; the file has its hash. A running collector reads the file
again on SIGHUP. To change a site's key: make a new one, give it to the caller, revoke the old one.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.api_keys import (
    SCOPES,
    ApiKey,
    BadKeyFile,
    key_file_text,
    new_key,
    parse_key_file,
)
from deploy.settings import BadSettings, Settings, environment_variable
from schemas.reread_file import read_text

DAYS_DEFAULT = 395
_RELOAD = "A running collector reads it on SIGHUP: kill -HUP, or systemctl reload."


def add_new_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `new`."""
    parser.add_argument("name", metavar="NAME", help="a-z, 0-9 and -; hits have it as api_key")
    parser.add_argument("--site", required=True, metavar="SITE", help="whose events it may send")
    parser.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it may do; may be repeated [events]"
    )
    parser.add_argument(
        "--days", type=int, default=DAYS_DEFAULT, metavar="N", help="how long it is good; 0: ever "
        f"[{DAYS_DEFAULT}]",
    )  # fmt: skip


def add_revoke_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `revoke`."""
    parser.add_argument("name", metavar="NAME", help="from `list`")


def make_key(settings: Settings, options: argparse.Namespace) -> int:
    """Add a key to the file and print it."""
    path = _path(settings)
    keys = _read(path) if path.exists() else []
    if any(key.name == options.name for key in keys):
        raise BadSettings(f"{path}: there is a key {options.name}; give the new one another name")
    now = _now()
    try:
        key, token = new_key(
            options.name,
            options.site,
            options.scope or ["events"],
            created_at=now,
            expires_at=now + timedelta(days=options.days) if options.days else None,
            random_bytes=os.urandom,
        )
    except ValueError as error:
        raise BadSettings(f"no such key can be: {error}") from error
    _write(path, [*keys, key])
    print(token)
    print(f"\nThe line above is the key; it is shown this once. {path} has its hash.", _RELOAD,
          file=sys.stderr)  # fmt: skip
    return 0


def list_keys(settings: Settings, options: argparse.Namespace) -> int:
    """Print the keys of the file."""
    now = _now()
    for key in _read(_path(settings)):
        ends = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        state = "expired" if key.expires_at and key.expires_at <= now else "good"
        print(
            f"{key.name}  site {key.site}  may {', '.join(key.scopes)}  "
            f"made {key.created_at:%Y-%m-%d}  ends {ends}  {state}"
        )
    return 0


def revoke_key(settings: Settings, options: argparse.Namespace) -> int:
    """Take a key out of the file."""
    path = _path(settings)
    keys = _read(path)
    left = [key for key in keys if key.name != options.name]
    if len(left) == len(keys):
        raise BadSettings(f"{path}: there is no key {options.name}")
    _write(path, left)
    print(f"{options.name} is out of {path}.", _RELOAD, file=sys.stderr)
    return 0


def _path(settings: Settings) -> Path:
    path = settings.collector.keys_file
    if path is None:
        raise BadSettings(
            "collector.keys_file is not set: name the file of the keys, as --collector.keys_file "
            f"or {environment_variable('collector', 'keys_file')}"
        )
    return path


def _read(path: Path) -> Sequence[ApiKey]:
    try:
        return parse_key_file(read_text(path, BadKeyFile), str(path))
    except BadKeyFile as error:
        raise BadSettings(str(error)) from error


def _write(path: Path, keys: Sequence[ApiKey]) -> None:
    """Write the file whole or not at all, for its owner and group to read."""
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(key_file_text(keys))
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o640)
        draft.replace(path)
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror} (collector.keys_file)") from error


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
