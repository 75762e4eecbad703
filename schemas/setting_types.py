"""Types that several sections of settings use."""

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BeforeValidator

T = TypeVar("T")


def split_text(value: object) -> object:
    """Take ``a, b`` for the two texts of a list, as an environment variable or a flag gives it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Texts: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(split_text)]
