"""Email addresses and phone numbers as ad platforms match them: normalised, then SHA-256 in hex.

- Email: without space around it, in lower case (Meta, "Customer Information Parameters"; Google
  Ads, Customer Match).
- Phone: E.164, `+` and the country code first, digits only (Google Ads, Customer Match; Meta wants
  the same digits without the `+`, so a hash is good for one of the two).

Pure functions.
"""

import re
from hashlib import sha256
from typing import Final

_HASH = re.compile(r"[0-9A-Fa-f]{64}")
# RFC 5321 section 4.5.3.1: 64 for the local part, 255 for the domain.
EMAIL_CHARACTERS_MAX: Final = 320
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_TRUNK_ZERO = re.compile(r"\(0\)")
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]")
# E.164: at most 15 digits; the shortest numbers with a country code have 7.
_PHONE = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")


def email_hash(text: str) -> str | None:
    """Return an address's hash, or the hash that the text is; None if it is neither."""
    text = text.strip()
    if _HASH.fullmatch(text):
        return text.lower()
    if len(text) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(text):
        return None
    return _sha256(text.lower())


def phone_hash(text: str) -> str | None:
    """Return a number's hash, or the hash that the text is; None without a country code."""
    text = text.strip()
    if _HASH.fullmatch(text):
        return text.lower()
    number = _PHONE.fullmatch(_PUNCTUATION.sub("", _TRUNK_ZERO.sub("", text[:64])))
    return _sha256(f"+{number[1]}") if number else None


def _sha256(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
