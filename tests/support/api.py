"""A caller of the API: a key in a file, and POSTs with it to a running collector."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from collector.api_keys import ApiKey, Scope, key_file_text, new_key
from tests.support.raw_http import Answer, RawConnection


def write_key(
    folder: Path,
    name: str = "server",
    site: str = "shop",
    scopes: Sequence[Scope] = ("events",),
    *others: ApiKey,
) -> tuple[Path, str]:
    """Write a file with a new key (and others); return its path and the key's token."""
    now = datetime.now(UTC)
    key, token = new_key(
        name,
        site,
        scopes,
        created_at=now,
        expires_at=now + timedelta(days=1),
        random_bytes=os.urandom,
    )
    file = folder / "keys.toml"
    file.write_text(key_file_text([key, *others]))
    return file, token


@dataclass(frozen=True, slots=True)
class Caller:
    """One server of a site."""

    port: int
    token: str

    def post(self, body: Any, path: str = "/v1/events", **headers: str) -> Answer:
        """POST a body (JSON unless it is bytes); `headers` are named with `_` for `-`."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        fields = {
            "Host": "test",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
        with RawConnection(self.port) as connection:
            connection.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode(), content)
            return connection.answer()

    def sent(self, body: Any) -> dict[str, Any]:
        """POST events that are to be answered with 200; return what was said of them."""
        answer = self.post(body)
        assert answer.status == 200, answer.body
        said: dict[str, Any] = orjson.loads(answer.body)
        return said
