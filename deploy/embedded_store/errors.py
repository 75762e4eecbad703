"""Errors in ClickHouse's words: its codes, its sentence, its HTTP statuses.

Invariant: what a client sees is `Code: N. DB::Exception: text (NAME) (version …)`, whether the
engine or the store raised it, since clients take code and name from that sentence.
"""

import re

BAD_ARGUMENTS = (36, "BAD_ARGUMENTS")
SYNTAX_ERROR = (62, "SYNTAX_ERROR")
UNKNOWN_SETTING = (115, "UNKNOWN_SETTING")
READONLY = (164, "READONLY")
TOO_MANY_SIMULTANEOUS_QUERIES = (202, "TOO_MANY_SIMULTANEOUS_QUERIES")
SESSION_NOT_FOUND = (372, "SESSION_NOT_FOUND")
SESSION_IS_LOCKED = (373, "SESSION_IS_LOCKED")
CANNOT_DECOMPRESS = (271, "CANNOT_DECOMPRESS")
UNKNOWN_COMPRESSION_METHOD = (89, "UNKNOWN_COMPRESSION_METHOD")
ACCESS_DENIED = (497, "ACCESS_DENIED")
AUTHENTICATION_FAILED = (516, "AUTHENTICATION_FAILED")
QUERY_IS_TOO_LARGE = (229, "QUERY_IS_TOO_LARGE")
NOT_IMPLEMENTED = (48, "NOT_IMPLEMENTED")
UNKNOWN_EXCEPTION = (1002, "UNKNOWN_EXCEPTION")

# The statuses ClickHouse gives to codes (its exceptionCodeToHTTPStatus), any other code being 500.
# One differs: 202, too many queries, is 500 there; as 503, clients that retry do.
_CODES_BY_STATUS = {
    400: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223),
        *(321, 376, 427, 441, 675, 676),
    ),
    401: (194,),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 202, 209, 439),
}
STATUS_BY_CODE = {code: status for status, codes in _CODES_BY_STATUS.items() for code in codes}

_CODE = re.compile(r"Code: (\d+)")
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\s*")
_NESTED = re.compile(r"^(?:Code: (\d+)\. DB::Exception: )+(?=Code: \1\. )")
_REPEATED = re.compile(r"(\(([A-Z][A-Z0-9_]*)\))(?:[\s.]*\(\2\))+$")


class StoreError(Exception):
    """An answer other than success: an error with a ClickHouse code.

    `reason` is the label under which the refusal is counted; empty for an error of the engine.
    """

    def __init__(self, kind: tuple[int, str], text: str, reason: str = "") -> None:
        self.code, name = kind
        self.sentence = f"Code: {self.code}. DB::Exception: {text} ({name})"
        self.reason = reason
        super().__init__(self.sentence)

    @classmethod
    def from_engine(cls, error: BaseException) -> "StoreError":
        """Take over an error that chDB raised as text."""
        sentence = _REPEATED.sub(r"\1", _NESTED.sub("", _VERSION.sub(" ", str(error)).strip()))
        found = _CODE.search(sentence)
        if not found:
            return cls(UNKNOWN_EXCEPTION, sentence or repr(error))
        self = cls((int(found[1]), ""), "")
        self.sentence = sentence
        self.args = (sentence,)
        return self

    @property
    def status(self) -> int:
        """Return the HTTP status for the code."""
        return STATUS_BY_CODE.get(self.code, 500)

    def body(self, version: str) -> bytes:
        """Return the sentence as ClickHouse ends it."""
        return f"{self.sentence} (version {version})\n".encode()
