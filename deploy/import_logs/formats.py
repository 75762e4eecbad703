"""Formats of access logs: a line of bytes to what a request said, whichever server wrote it.

`combined` is that of nginx and Apache, `json` any log of one object a line (nginx, Caddy, Fastly),
`cloudfront` is Amazon's, tab separated with a line of field names. Pure; knows nothing of hits.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import orjson


class BadLine(ValueError):
    """A line is not of its format; the message has nothing of the line, which may be personal."""


class Request(NamedTuple):
    """What a log says of one request; texts are empty where it does not say."""

    time_ms: int
    method: str
    path: str
    query: str
    status: int
    address: str
    agent: str
    referrer: str
    language: str


Parser = Callable[[str], Request]

_COMBINED: Final = re.compile(
    r'(?P<address>\S+) \S+ .*?\[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" '
    r"(?P<status>\d{3}) \S+"
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_ESCAPED: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.)")
# The names that servers and their manuals give to each; the first that is there counts.
_JSON_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("time_iso8601", "@timestamp", "timestamp", "time", "time_local", "ts", "msec"),
    "address": ("client_ip", "remote_addr", "clientip", "remote_ip", "client", "ip", "host"),
    "method": ("request_method", "method", "verb"),
    "target": ("request_uri", "uri", "url", "path", "request_url"),
    "query": ("query_string", "args", "query"),
    "request": ("request",),
    "status": ("status", "response_status", "response", "status_code"),
    "agent": ("http_user_agent", "user_agent", "request_user_agent", "agent", "useragent"),
    "referrer": ("http_referer", "referer", "request_referer", "referrer", "http_referrer"),
    "language": ("http_accept_language", "accept_language"),
}
_CLOUDFRONT_NEEDED: Final = ("date", "time", "cs-method", "cs-uri-stem")
_DOUBLY_ENCODED: Final = re.compile("%25(?=[0-9A-Fa-f]{2})")


def guessed(lines: list[bytes]) -> str:
    """Return the name of the format that the first lines of a file are of."""
    first = next((line for line in lines if line.strip()), b"")
    if first.startswith((b"#Version", b"#Fields")):
        return "cloudfront"
    return "json" if first.startswith((b"{", b"<")) and b"{" in first else "combined"


def combined(line: str) -> Request:
    """Parse a line of the combined or common log format; raises BadLine."""
    found = _COMBINED.match(line)
    if found is None:
        raise BadLine("not the combined log format")
    method, target = _request_line(_unescaped(found["request"]))
    path, _, query = target.partition("?")
    return Request(
        _time_ms(found["time"]), method, path, query, int(found["status"]), found["address"],
        _text(found["agent"]), _text(found["referrer"]), "",
    )  # fmt: skip


def json(line: str) -> Request:
    """Parse a line that is, or ends with, one JSON object; raises BadLine."""
    try:
        # A relay of syslog puts its own words in front.
        found = orjson.loads(line[line.index("{") :])
    except ValueError as error:
        raise BadLine("not JSON") from error
    if not isinstance(found, dict):
        raise BadLine("not a JSON object")
    # Caddy's has the request in an object of its own.
    if isinstance(found.get("request"), dict):
        found = {**found, **found["request"], "request": None}
    said = {name: _first(found, names) for name, names in _JSON_NAMES.items()}
    method, target = said["method"], said["target"]
    if not target:
        method, target = _request_line(said["request"])
    path, _, query = _without_host(target).partition("?")
    return Request(
        _time_ms(said["time"]), method or "GET", path, query or said["query"].lstrip("?"),
        _status(said["status"]), said["address"], _text(said["agent"]), _text(said["referrer"]),
        _text(said["language"]),
    )  # fmt: skip


def cloudfront(fields: str) -> Parser:
    """Return the parser of CloudFront's lines whose names are those of a `#Fields:` line."""
    names = fields.removeprefix("#Fields:").split()
    missing = [name for name in _CLOUDFRONT_NEEDED if name not in names]
    if missing:
        raise BadLine(f"no {', '.join(missing)} among CloudFront's fields")

    def parse(line: str) -> Request:
        values = line.split("\t")
        if len(values) != len(names):
            raise BadLine(f"{len(values)} values for {len(names)} fields")
        of = dict(zip(names, values, strict=True))
        return Request(
            _time_ms(f"{of['date']}T{of['time']}Z"), of["cs-method"], of["cs-uri-stem"],
            _DOUBLY_ENCODED.sub("%", _text(of.get("cs-uri-query"))),
            _status(of.get("sc-status", "")), of.get("c-ip", ""),
            _decoded(of.get("cs(User-Agent)")), _decoded(of.get("cs(Referer)")), "",
        )  # fmt: skip

    return parse


def _request_line(text: str) -> tuple[str, str]:
    parts = text.split(" ")
    if len(parts) not in (2, 3):
        raise BadLine("no request line")
    return parts[0], _without_host(parts[1])


def _without_host(target: str) -> str:
    """Return path and query of a target that may be a whole URL."""
    if target.startswith(("http://", "https://")):
        return "/" + target.partition("//")[2].partition("/")[2]
    return target


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = found.get(name)
        if isinstance(value, str | int | float) and value != "":
            return str(value)
    return ""


def _text(value: str | None) -> str:
    """Return a value that a log may say it has not."""
    return "" if value is None or value == "-" else _unescaped(value)


def _decoded(value: str | None) -> str:
    """Return a text of CloudFront, which encodes blanks and more, once or (long ago) twice."""
    return unquote(_DOUBLY_ENCODED.sub("%", _text(value)))


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    # Bytes that were escaped one by one are UTF-8 together.
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    try:
        return plain.encode("latin-1").decode()
    except ValueError:
        return plain


def _status(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


@lru_cache(maxsize=1024)
def _time_ms(text: str) -> int:
    """Return milliseconds since 1970; a second has many lines."""
    try:
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            return round(float(text) * 1_000)
        if re.fullmatch(r"\d{13}", text):
            return int(text)
        if "/" in text:
            return round(datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp() * 1_000)
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise BadLine("no time that can be read") from error
