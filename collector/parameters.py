"""Request parameters to members of a hit: the query string of a pixel, the JSON of a beacon.

Bad input is a fact, not an exception: a parameter that cannot be used becomes an entry of
`problems`, and the rest of the hit is kept. Both ways end in `take`, so that the same parameter
means the same wherever it is sent. Pure functions; knows nothing of headers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson

from collector import consent
from schemas import hit, limits

Members = dict[str, Any]

# Ids of a mail: who opened it is worked out later, for hits that carry one (`collector.mail`).
_OF_MAIL: Final = ("campaign_id", "message_id", "recipient_id")
_PLAIN_TEXTS: Final = [
    field
    for field in hit.FIELDS
    if field.parameter and field.bytes_max > 4 and field.name not in ("properties", *_OF_MAIL)
]
# A text whose length in characters is at most this is surely short enough in UTF-8.
_QUICK: Final[Mapping[str, tuple[str, int]]] = {
    field.parameter: (field.name, field.bytes_max // 4) for field in _PLAIN_TEXTS
}
_TEXTS: Final[Mapping[str, tuple[str, int]]] = {
    field.parameter: (field.name, field.bytes_max) for field in _PLAIN_TEXTS
}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,20})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
# What a query may have in a target, and what of it can stand in a JSON string.
_QUERY: Final = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
_PLAIN: Final = _QUERY.translate(None, b'"\\')
_NOT_ASCII = re.compile(rb"%[89A-Fa-f]")
_TIME_MS_MAX = 10_413_791_999_999  # DateTime64 ends with the year 2299.


def parse_query(query: str, members: Members) -> None:
    """Add a query string's parameters to `members`; what is wrong goes into its `problems`.

    Parameters that have no meaning here are ignored: cache busters, say.
    """
    plain = plain_queries((query.encode(),))
    if plain is not None:
        take_plain(plain[0], members)
        return
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value:
            if "%" in name or "+" in name:
                name = unquote_plus(name)
            if "%" in value or "+" in value:
                value = _decoded(members, name, value)
            take(members, name, value)


def is_query(query: bytes) -> bool:
    """Tell whether a query is of characters that a target may have (RFC 9112): visible ASCII."""
    return not query.translate(None, _QUERY)


def plain_queries(queries: Sequence[bytes]) -> Sequence[Mapping[str, str]] | None:
    """Return the parameters of queries, decoded; None unless all of them are surely plain.

    Each parameter comes once and has one ``=``, and what is escaped is UTF-8. One parse serves all:
    such queries are JSON, once their separators and escapes are spelled as JSON does.
    """
    joined = b" ".join(queries)
    if joined.translate(None, _PLAIN) != b" " * (len(queries) - 1):
        return None
    text = joined.replace(b"%", b"\\u00").replace(b"&", b'","').replace(b"=", b'":"')
    try:
        plain: list[dict[str, str]] = orjson.loads(
            b'[{"%b"}]' % text.replace(b" ", b'"},{"').replace(b"+", b" ")
        )
        if _NOT_ASCII.search(joined):
            # An escape is a byte, and JSON took it for a character.
            plain = [{_utf8(name): _utf8(value) for name, value in one.items()} for one in plain]
    except ValueError:
        return None
    return plain if sum(map(len, plain)) == joined.count(b"=") else None


def take_plain(parameters: Mapping[str, str], members: Members) -> None:
    """Add the parameters of one of `plain_queries` to `members`, as `parse_query` does."""
    for name, value in parameters.items():
        quick = _QUICK.get(name)
        if quick is not None and 0 < len(value) <= quick[1]:
            members[quick[0]] = value
        elif value:
            take(members, name, value)


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode()


def _decoded(members: Members, name: str, value: str) -> str:
    """Decode one value of application/x-www-form-urlencoded (WHATWG URL section 5.1)."""
    text = unquote_plus(value)
    if "\ufffd" in text:
        note(members, f"{name[:20]}: not UTF-8")
    return text


def take(members: Members, name: str, value: str) -> None:
    """Add one parameter with a non-empty value to `members`."""
    text = _TEXTS.get(name)
    if text is not None:
        members[text[0]] = _fitted(members, text[0], value, text[1])
    elif name.startswith("p."):
        _take_property(members, name[2:], value)
    else:
        taker = _TAKERS.get(name)
        if taker is not None:
            taker(members, value)


def take_json(members: Members, event: Mapping[str, Any]) -> None:
    """Add the members of one JSON event: the same names, and `p` as an object of properties."""
    for name, value in event.items():
        if name == "p" and isinstance(value, dict):
            for key, inner in value.items():
                text = _json_text(members, inner)
                if text:
                    _take_property(members, key, text)
        elif isinstance(value, dict | list) and not name.startswith("p."):
            note(members, f"{name[:20]}: not a text or a number")
        else:
            text = _json_text(members, value)
            if text:
                take(members, name, text)


def note(members: Members, problem: str) -> None:
    """Add a problem to the hit, once, and up to a bound."""
    problems = members.setdefault("problems", [])
    if len(problems) < limits.PROBLEMS_MAX and problem not in problems:
        problems.append(problem)


def _json_text(members: Members, value: object) -> str:
    if isinstance(value, str):
        # A lone surrogate is legal in JSON but has no UTF-8.
        return value if value.isascii() else value.encode(errors="replace").decode()
    if value is None:
        return ""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it nests deeper than orjson writes, though not than it reads
        note(members, "properties: nested too deep")
        return ""


def _fitted(members: Members, member: str, value: str, bytes_max: int) -> str:
    encoded = value.encode()
    if len(encoded) <= bytes_max:
        return value
    note(members, f"{member}: cut at {bytes_max} bytes")
    return encoded[:bytes_max].decode(errors="ignore")


def _take_property(members: Members, name: str, value: str) -> None:
    properties = members.setdefault("properties", {})
    if len(properties) >= limits.PROPERTIES_MAX and name not in properties:
        note(members, f"properties: more than {limits.PROPERTIES_MAX}")
        return
    name = _fitted(members, "properties", name, limits.PROPERTY_NAME_BYTES_MAX)
    properties[name] = _fitted(members, "properties", value, limits.PROPERTY_VALUE_BYTES_MAX)


def _take_value(members: Members, value: str) -> None:
    number = round(float(value), 4) if _NUMBER.fullmatch(value) else None
    if number is None or abs(number) >= limits.VALUE_MAX:
        note(members, "value: not a number")
    else:
        members["value"] = number


def _take_currency(members: Members, value: str) -> None:
    if _CURRENCY.fullmatch(value):
        members["currency"] = value.upper()
    else:
        note(members, "currency: not a code of three letters")


def _take_time(member: str, members: Members, value: str) -> None:
    digits = value.partition(".")[0]
    if digits.isascii() and digits.isdigit() and int(digits[:15]) <= _TIME_MS_MAX:
        members[member] = hit.rfc3339(int(digits[:15]))
    else:
        note(members, f"{member}: not milliseconds since 1970")


def _take_of_mail(member: str, members: Members, value: str) -> None:
    members[member] = _fitted(members, member, value, limits.ID_BYTES_MAX)
    members["opened_by"] = ""


def _take_recipient_signature(members: Members, value: str) -> None:
    members["recipient_signature"] = value[:100]
    members["opened_by"] = ""


def _take_consent(parameter: str, members: Members, value: str) -> None:
    """Keep what is said of consent until it is decided; one too long is damaged, and stays so."""
    members.setdefault("consent", {})[parameter] = value[: limits.CONSENT_CHARACTERS_MAX]


_TAKERS: Final[Mapping[str, Callable[[Members, str], None]]] = {
    "v": _take_value,
    "c": _take_currency,
    "ts": partial(_take_time, "client_time"),
    "st": partial(_take_time, "sent_at"),
    **{name: partial(_take_consent, name) for name in consent.PARAMETERS},
    **{hit.BY_NAME[name].parameter: partial(_take_of_mail, name) for name in _OF_MAIL},
    "rs": _take_recipient_signature,
}
