"""Settings as TOML text: what `heliograph config` prints, and the file that lists every setting.

`settings.extended.toml` holds each default with what it is and what is allowed, derived from the
same rows as flags and the reference page, so it can't go stale (`make docs`, compared by a test).
"""

import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.settings import Settings, rows

COMMENT_COLUMNS = 100
_HEAD = """\
# Every setting of Heliograph with its default. Written by `make docs`; do not edit.
#
# Copy the lines you change into a file of your own, heliograph.toml, and leave out the rest: a
# default that improves in a later version is then yours too.
"""


def toml_line(name: str, value: object) -> str:
    """Return a setting's line; a comment for one that is not set, for which TOML has no word."""
    return f"# {name} is not set" if value is None else f"{name} = {toml_value(value)}"


def toml_value(value: object) -> str:
    """Return a setting's value as TOML; a secret as stars."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(toml_value(inner) for inner in value)}]"
    if isinstance(value, SecretStr):
        value = "********" if value.get_secret_value() else ""
    return f'"{"".join(map(_escaped, str(value)))}"'


def _escaped(character: str) -> str:
    """Return a character as a basic string of TOML takes it."""
    if character in '"\\':
        return "\\" + character
    is_control = character < " " or character == "\x7f"
    return f"\\u{ord(character):04x}" if is_control else character


def extended() -> str:
    """Return the text of settings.extended.toml."""
    parts = [_HEAD]
    for section in Settings.model_fields:
        parts.append(f"[{section}]")
        parts += (_entry(name, row) for of, name, row in rows() if of == section)
    return "\n".join(parts)


def _entry(name: str, row: FieldInfo) -> str:
    about = " ".join([row.description or "", *_allowed(row)])
    comment = textwrap.fill(
        about, COMMENT_COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    return f"{comment}\n{toml_line(name, row.default)}\n"


def _allowed(row: FieldInfo) -> Iterator[str]:
    annotation: Any = row.annotation
    if get_origin(annotation) is Literal:
        yield f"One of: {', '.join(get_args(annotation))}."
    least = next((limit.ge for limit in row.metadata if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in row.metadata if isinstance(limit, Le)), None)
    if least is not None:
        yield f"From {least} to {most}." if most is not None else f"At least {least}."
