"""Who is asked about, and the conditions in SQL that find it in each table.

Any text goes into SQL as hexadecimal. A line that the store refused may be no JSON, so there the id
is looked for as text. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from uuid import UUID

import orjson

from consumer.dead_letter_selection import sql_text


@dataclass(frozen=True, slots=True)
class Subject:
    """Ids of one person; hits that have any of them are the person's."""

    visitors: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def conditions(self) -> Mapping[str, str]:
        """Return the condition for each table that holds such ids."""
        return {
            "hits": self._in_hits(),
            "dead_letters": self._in_letters(),
            "audience_members": self._in_audiences(),
        }

    def digests(self) -> list[dict[str, str]]:
        """Return kind and SHA-256 of each id: a receipt must not keep what was erased."""
        return [
            {"kind": kind, "sha256": sha256(text.encode()).hexdigest()}
            for kind, texts in (
                ("visitor", self.visitors),
                ("user", self.users),
                ("ip", self.addresses),
            )
            for text in texts
        ]

    def _in_hits(self) -> str:
        parts = [f"visitor_id = toUUID({sql_text(text)})" for text in self.visitors]
        parts += [f"user_id = {sql_text(text)}" for text in self.users]
        parts += [f"ip = toIPv6({sql_text(text)})" for text in self.addresses]
        return f"({' OR '.join(parts)})"

    def _in_letters(self) -> str:
        parts = [f"positionCaseInsensitive(raw, {sql_text(text)}) > 0" for text in self.visitors]
        for name, texts in (("user_id", self.users), ("ip", self.addresses)):
            for text in texts:
                member = f'"{name}":{orjson.dumps(text).decode()}'
                parts.append(f"position(raw, {sql_text(member)}) > 0")
        return f"({' OR '.join(parts)})"

    def _in_audiences(self) -> str:
        """Return the condition of members, who have no address."""
        parts = [f"visitor_id = toUUID({sql_text(text)})" for text in self.visitors]
        parts += [f"user_id = {sql_text(text)}" for text in self.users]
        parts += [f"person = {sql_text(text)}" for text in (*self.visitors, *self.users)]
        return f"({' OR '.join(parts or ['false'])})"


_EMPTY: Final = "give --visitor, --user or --ip; each may be repeated"


def subject_of(visitors: list[str], users: list[str], addresses: list[str]) -> Subject:
    """Return the subject that a person named; ValueError is for that person."""
    if not (visitors or users or addresses):
        raise ValueError(_EMPTY)
    for text in visitors:
        try:
            UUID(text)
        except ValueError as error:
            raise ValueError(f"--visitor is {text!r}: a UUID is wanted") from error
    for text in addresses:
        try:
            ip_address(text)
        except ValueError as error:
            raise ValueError(f"--ip is {text!r}: an IPv4 or IPv6 address is wanted") from error
    if "" in users:
        raise ValueError("--user is empty")
    return Subject(
        tuple(str(UUID(text)) for text in visitors),
        tuple(users),
        tuple(str(ip_address(text)) for text in addresses),
    )
