"""The words of consent that its readers share: the levels, and the error of a text that is none.

`limited` lies between the two that everybody knows: the visit may be measured, but nothing stored
on or read from the device, and nobody recognised.
"""

import re
from base64 import b64decode
from typing import Final, Literal

Level = Literal["granted", "limited", "denied"]
GRANTED: Final = "granted"
LIMITED: Final = "limited"
DENIED: Final = "denied"
# From what allows least to what allows most.
LEVELS: Final[tuple[Level, ...]] = (DENIED, LIMITED, GRANTED)

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_DIGIT_BITS: Final = 6


class MalformedConsent(ValueError):
    """A consent text that can't be read. The message must not repeat the text."""


class Bits:
    """The bits of a base64url text, taken from the left. Raises MalformedConsent at their end."""

    __slots__ = ("_bits", "left")

    def __init__(self, text: str) -> None:
        if not _ALPHABET.fullmatch(text):
            raise MalformedConsent("not base64url")
        # Encoders end a text at any digit, a decoder of bytes wants four.
        missing = -len(text) % 4
        padded = b64decode(text + "A" * missing, altchars=b"-_")
        self._bits = int.from_bytes(padded) >> (missing * _DIGIT_BITS)
        self.left = len(text) * _DIGIT_BITS

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        if count > self.left:
            raise MalformedConsent("cut short")
        self.left -= count
        taken = self._bits >> self.left
        self._bits -= taken << self.left
        return taken
