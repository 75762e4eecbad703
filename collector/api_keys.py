"""Keys of those who send events from a server: whose they are, what they may, until when.

A key is ``hg.NAME.SECRET``; the file of keys has only the SHA-256 of it. A fast hash is right here:
the secret is 32 random bytes, so there is no list of likely ones to try, as there is for passwords,
and a slow hash would only cost each request. The name says which hash to compare with, in constant
time. Several keys of one site live side by side, which is how they are changed without a pause.

`ApiKeys` is shared by all parts of a worker and changes in place. Knows nothing of HTTP.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from schemas.errors import Explained
from schemas.limits import KEYS_MAX
from schemas.reread_file import RereadFile
from schemas.site_file import is_site_key
from schemas.table_file import parse_tables

SECRET_BYTES: Final = 32
SCOPES: Final = ("events", "consent", "audiences")
Scope = Literal["events", "consent", "audiences"]
_TOKEN = re.compile(r"hg\.([a-z0-9-]{1,64})\.[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BadKeyFile(Explained):
    """A file of keys that can't be used; one line for each fault."""


def _is_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a key's name has a-z, 0-9 and -, 64 at most")
    return text


def _is_digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError("a SHA-256 in hex, lower case")
    return text


class ApiKey(BaseModel):
    """One key as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_is_name)]
    site: Annotated[str, AfterValidator(is_site_key)]
    scopes: list[Scope] = Field(min_length=1)
    sha256: Annotated[str, AfterValidator(_is_digest)]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class ApiKeys:
    """The keys of the file `collector.keys_file`, read again on SIGHUP."""

    def __init__(self, path: Path | None, text: str | None = None) -> None:
        """Read the file, or take its text as the supervisor has read it. Raises BadKeyFile."""
        self.file = RereadFile[Sequence[ApiKey]](path, parse_key_file, (), BadKeyFile, text)
        self._by_name = {key.name: key for key in self.file.value}

    def find(self, token: str, now: datetime) -> ApiKey | None:
        """Return the key that a token is; None if it is none, or no longer one."""
        named = _TOKEN.fullmatch(token)
        key = self._by_name.get(named[1]) if named else None
        if key is None or not hmac.compare_digest(key.sha256, _digest(token)):
            return None
        return None if key.expires_at is not None and key.expires_at <= now else key

    def reload(self) -> None:
        """Read the file again; if it is broken the keys stay, and `file.problem` says why."""
        if self.file.reload():
            self._by_name = {key.name: key for key in self.file.value}


def parse_key_file(text: str, name: str) -> Sequence[ApiKey]:
    """Return the keys of a file's text; `name` is the file's. Raises BadKeyFile."""
    keys, problems = parse_tables(text, name, "key", ApiKey, "name", KEYS_MAX)
    if problems:
        raise BadKeyFile("\n".join(problems))
    return keys


def new_key(
    name: str,
    site: str,
    scopes: Sequence[Scope],
    *,
    created_at: datetime,
    expires_at: datetime | None,
    random_bytes: Callable[[int], bytes],
) -> tuple[ApiKey, str]:
    """Return a new key and its token, which is nowhere else; raises ValueError for a bad name."""
    secret = urlsafe_b64encode(random_bytes(SECRET_BYTES)).decode().rstrip("=")
    token = f"hg.{name}.{secret}"
    key = ApiKey(
        name=name,
        site=site,
        scopes=list(scopes),
        sha256=_digest(token),
        created_at=created_at,
        expires_at=expires_at,
    )
    return key, token


def key_file_text(keys: Sequence[ApiKey]) -> str:
    """Return the file that has these keys."""
    parts = ["# Keys of API callers, by `heliograph keys`: hashes only.\n"]
    for key in keys:
        scopes = ", ".join(f'"{scope}"' for scope in key.scopes)
        parts.append(
            f'[[key]]\nname = "{key.name}"\nsite = "{key.site}"\nscopes = [{scopes}]\n'
            f'sha256 = "{key.sha256}"\ncreated_at = {key.created_at.isoformat()}\n'
        )
        if key.expires_at is not None:
            parts[-1] += f"expires_at = {key.expires_at.isoformat()}\n"
    return "\n".join(parts)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
