"""What a request asks, in the terms of ClickHouse's HTTP interface: parameters sorted by meaning.

Every URL parameter that is not named here is a setting for this query. Invariant: a value goes to
the engine as a value, never into the text of a statement. Knows no engine and reads no body.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.embedded_store.access import User
from deploy.embedded_store.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, StoreError
from deploy.embedded_store.native_frames import PROTOCOL_VERSION_MIN

# Consumed by the HTTP interface itself; never settings of the engine.
_RESERVED = frozenset(
    {
        *("query", "query_id", "database", "default_format", "wait_end_of_query", "buffer_size"),
        *("user", "password", "role", "quota_key"),
        *("session_id", "session_timeout", "session_check", "close_session"),
        *("compress", "decompress", "client_protocol_version", "stacktrace"),
    }
)
_NOT_IMPLEMENTED = {
    "compress": "ClickHouse's own block compression; ask for a coding with Accept-Encoding and "
    "enable_http_compression=1",
    "decompress": "ClickHouse's own block compression; send Content-Encoding: zstd, lz4 or gzip",
    "role": "choosing a role; there are the users default and reader",
}
_HEADER_SAFE = re.compile(r"[\x20-\x7e]{1,200}\Z")
SESSION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, understood."""

    user: User
    method: str
    query: bytes
    database: str
    default_format: str
    settings: Mapping[str, str]
    params: Mapping[str, str]
    query_id: str
    session_id: str
    session_seconds: int
    session_must_exist: bool
    close_session: bool
    wait_end_of_query: bool
    framed_native: bool
    compress_answer: bool
    cors: bool


def read_ask(
    user: User, method: str, headers: Mapping[str, str], pairs: Iterable[tuple[str, str]]
) -> Ask:
    """Sort the parameters of a request (URL and form, in this order); raises StoreError."""
    own: dict[str, str] = {}
    settings: dict[str, str] = {}
    params: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith("param_"):
            params[name.removeprefix("param_")] = value
        else:
            (own if name in _RESERVED else settings)[name] = value
    for name, what in _NOT_IMPLEMENTED.items():
        if _is_on(own.get(name, "")):
            raise StoreError(NOT_IMPLEMENTED, f"The embedded store has not {name}=: {what}.")
    return Ask(
        user=user,
        method=method,
        query=own.get("query", "").encode("utf-8", "surrogateescape"),
        database=own.get("database") or headers.get("X-ClickHouse-Database", ""),
        default_format=_format(own.get("default_format") or headers.get("X-ClickHouse-Format", "")),
        settings=settings,
        params=params,
        query_id=_query_id(own.get("query_id", "")),
        session_id=own.get("session_id", ""),
        session_seconds=_number(own, "session_timeout", SESSION_SECONDS),
        session_must_exist=_is_on(own.get("session_check", "")),
        close_session=_is_on(own.get("close_session", "")),
        wait_end_of_query=_is_on(own.get("wait_end_of_query", "")),
        framed_native=_number(own, "client_protocol_version", 0) >= PROTOCOL_VERSION_MIN,
        compress_answer=_is_on(settings.get("enable_http_compression", "")),
        cors=_is_on(settings.get("add_http_cors_header", "")),
    )


def _is_on(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "false")


def _format(name: str) -> str:
    if name and not name.isalnum():
        raise StoreError(BAD_ARGUMENTS, f"default_format {name!r} is not the name of a format.")
    return name or "TabSeparated"


def _query_id(given: str) -> str:
    if not given:
        return str(uuid.uuid4())
    if not _HEADER_SAFE.match(given):
        raise StoreError(BAD_ARGUMENTS, "query_id may be up to 200 printable ASCII characters.")
    return given


def _number(own: Mapping[str, str], name: str, default: int) -> int:
    value = own.get(name, "")
    if not value:
        return default
    if not value.isdecimal():
        raise StoreError(BAD_ARGUMENTS, f"{name} {value!r} is not a number.")
    return int(value)
