"""The hit: one table of fields, and the one encoder of its line.

A hit is one JSON object on one line. `FIELDS` says, for each member, which request parameter fills
it, its ClickHouse column, its limit and whether it is personal; the migration, the JSON Schema and
the field reference are generated from it or compared with it by tests. A change is additive, and a
reader ignores members it does not know.

A line starts with ``{"id":"<36 characters>","received_at":"2026-11-24T06:07:42.670Z"``, so a pump
can slice both without parsing. Members without a value are left out.

Knows nothing of HTTP or Kafka.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import gmtime, strftime
from typing import Any

import orjson

from schemas import limits


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a hit.

    `parameter` is the request parameter that fills it, or empty; `bytes_max` limits its UTF-8 text
    (0: not a text that a client chooses); `personal` members are written only as consent allows.
    """

    name: str
    column: str
    json_type: str
    about: str
    parameter: str = ""
    bytes_max: int = 0
    personal: bool = False


FIELDS = (
    Field("id", "UUID", "string", "The hit's own id, a UUID of version 7 (RFC 9562)."),
    Field("received_at", "DateTime64(3, 'UTC')", "string", "When the collector had read the "
          "request, UTC, to the millisecond (RFC 3339)."),
    Field("endpoint", "LowCardinality(String)", "string", "How it came: `pixel`, `beacon`, "
          "`api` (server to server) or `click` (the redirect)."),
    Field("method", "LowCardinality(String)", "string", "The request's method."),
    Field("site", "LowCardinality(String)", "string", "The site's key.", "site",
          limits.SITE_BYTES_MAX),
    Field("event", "LowCardinality(String)", "string", "The event's name; `PageView` if none is "
          "given.", "e", limits.EVENT_BYTES_MAX),
    Field("event_id", "String", "string", "The site's id of the event, the same when browser and "
          "server both send it.", "eid", limits.ID_BYTES_MAX),
    Field("url", "String", "string", "The page; the `Referer` header if none is given.", "u",
          limits.URL_BYTES_MAX),
    Field("referrer", "String", "string", "The page before it.", "r", limits.URL_BYTES_MAX),
    Field("value", "Nullable(Decimal(18, 4))", "number", "What the event is worth.", "v"),
    Field("currency", "LowCardinality(String)", "string", "ISO 4217 code of the value, upper case.",
          "c", 3),
    Field("client_time", "Nullable(DateTime64(3, 'UTC'))", "string", "When it happened by the "
          "client's clock, UTC, to the millisecond (RFC 3339); sent as milliseconds since 1970.",
          "ts"),
    Field("visitor_id", "Nullable(UUID)", "string", "The browser, by the visitor cookie.",
          personal=True),
    Field("user_id", "String", "string", "The site's own id of the person.", "uid",
          limits.ID_BYTES_MAX, personal=True),
    Field("campaign_id", "LowCardinality(String)", "string", "Email: the campaign.", "cid",
          limits.ID_BYTES_MAX),
    Field("message_id", "String", "string", "Email: the message.", "mid", limits.ID_BYTES_MAX),
    Field("recipient_id", "String", "string", "Email: the recipient.", "rid",
          limits.ID_BYTES_MAX, personal=True),
    Field("ip", "IPv6", "string", "The client's address: whole with consent, otherwise cut to /24 "
          "or /48. An IPv4 address is stored as IPv4-mapped; `::` if there is none.",
          personal=True),
    Field("user_agent", "LowCardinality(String)", "string", "The `User-Agent` header.",
          bytes_max=limits.USER_AGENT_BYTES_MAX),
    Field("language", "LowCardinality(String)", "string", "The first tag of `Accept-Language`.",
          bytes_max=limits.LANGUAGE_BYTES_MAX),
    Field("consent", "LowCardinality(String)", "string", "`granted` or `denied`."),
    Field("consent_source", "LowCardinality(String)", "string", "What decided it: `optout`, `gpc`, "
          "`parameter`, `tcf`, `gpp`, `us_privacy`, `dnt` or `default`."),
    Field("visitor_kind", "LowCardinality(String)", "string", "What `visitor_id` is: `cookie`, "
          "`daily` (cookieless: a hash whose salt lives a day) or `client` (an API caller's)."),
    Field("session_id", "Nullable(UUID)", "string", "The visit: ends after a time without hits.",
          personal=True),
    Field("link_url", "String", "string", "Clicks: where the link leads."),
    Field("sent_at", "Nullable(DateTime64(3, 'UTC'))", "string", "Email: when the message was "
          "sent, UTC (RFC 3339); given as milliseconds since 1970.", "st"),
    Field("email_hash", "String", "string", "SHA-256 of the normalised email address, in hex.",
          bytes_max=limits.HASH_BYTES, personal=True),
    Field("phone_hash", "String", "string", "SHA-256 of the normalised phone number, in hex.",
          bytes_max=limits.HASH_BYTES, personal=True),
    Field("client_hints", "LowCardinality(String)", "string", "`Sec-CH-UA`, `Sec-CH-UA-Mobile` and "
          "`Sec-CH-UA-Platform` as they were sent, joined by ` | `.",
          bytes_max=limits.CLIENT_HINTS_BYTES_MAX),
    Field("bot", "LowCardinality(String)", "string", "What kind of program it is, if no person's "
          "browser; empty for what may be a person."),
    Field("purpose", "LowCardinality(String)", "string", "`prefetch` or `prerender`: the browser "
          "asked ahead of the person."),
    Field("opened_by", "LowCardinality(String)", "string", "Opens and clicks of email: `human`, "
          "`machine` or `unknown`."),
    Field("opened_by_reason", "LowCardinality(String)", "string", "The rule that decided "
          "`opened_by`."),
    Field("api_key", "LowCardinality(String)", "string", "The name of the key that an API caller "
          "used."),
    Field("properties", "Map(LowCardinality(String), String)", "object", "Custom properties.",
          "p.NAME", limits.PROPERTY_VALUE_BYTES_MAX),
    Field("problems", "Array(LowCardinality(String))", "array", "What was wrong with the request, "
          "as `member: problem`."),
)  # fmt: skip

BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}
BY_PARAMETER: Mapping[str, Field] = {
    field.parameter: field for field in FIELDS if field.parameter and field.name != "properties"
}

# What ends a line.
TAIL_END = b"}\n"

_ID = slice(7, 43)
_RECEIVED_AT = slice(60, 84)


def rfc3339(time_ms: int) -> str:
    """Return milliseconds since 1970 (UTC) as RFC 3339 text, 24 characters until the year 9999."""
    second, ms = divmod(time_ms, 1000)
    return f"{_second_text(second)}.{ms:03d}Z"


@lru_cache(maxsize=64)
def _second_text(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def head_after_id(received_at: str, endpoint: str, method: str) -> str:
    """Return what follows the hit id in a line, up to where the parameters' members follow."""
    return f'","received_at":"{received_at}","endpoint":"{endpoint}","method":"{method}",'


def encode(head: str, members: Mapping[str, Any], tail: bytes) -> bytes:
    """Return a hit's line.

    `head` is ``{"id":"``, the hit id and `head_after_id`; `members` are those of the parameters, at
    least one; `tail` is of `encode_tail`.
    """
    return b"".join((head.encode(), orjson.dumps(members)[1:-1], tail))


def encode_tail(members: Mapping[str, Any]) -> bytes:
    """Return the end of a line, newline included: what a connection's hits have in common."""
    return encode_part(members) + TAIL_END


def encode_part(members: Mapping[str, Any]) -> bytes:
    """Return a part of a line's end, to be followed by others and `TAIL_END`; empty for none."""
    return b"," + orjson.dumps(members)[1:-1] if members else b""


def id_of(line: bytes) -> bytes:
    """Return a line's hit id, 36 ASCII characters, without parsing it."""
    return line[_ID]


def received_at_of(line: bytes) -> bytes:
    """Return a line's time received, RFC 3339 with milliseconds, without parsing the line."""
    return line[_RECEIVED_AT]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line, for readers outside (Kafka, the journal)."""
    members: dict[str, Any] = {}
    for field in FIELDS:
        member: dict[str, Any] = {"type": field.json_type, "description": field.about}
        if field.json_type == "object":
            member["additionalProperties"] = {"type": "string"}
        if field.json_type == "array":
            member["items"] = {"type": "string"}
        if "UUID" in field.column:
            member["format"] = "uuid"
        if "DateTime64" in field.column:
            member["format"] = "date-time"
        members[field.name] = member
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heliograph hit",
        "description": "One line of the journal, one record of the Kafka topic.",
        "type": "object",
        "required": ["id", "received_at", "endpoint", "method", "event", "consent"],
        "properties": members,
        "additionalProperties": True,
    }
