r"""What must be known of a statement's text before the engine sees it: where its FORMAT clause is,
and where the data of an insert begins.

The store has to cut there, since the engine takes an insert's data apart from its text and writes
a result to a file descriptor only by a clause of the text. Everything is found by tokens at depth
0 of brackets; what a statement may do is never decided here (see `reader`).
Invariant: a text that is cut wrongly is refused by the engine as a syntax error. Knows no engine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|\#[ !][^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<heredoc>\$(?P<tag>[A-Za-z0-9_]*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z0-9_$\x80-\xff]+)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_DATA = re.compile(rb"[ \t\f]*\r?\n?")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement; `depth` counts the brackets around it."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert with data: its text without FORMAT, the format, and where the data begins.

    `settings_start` is where the text has its SETTINGS clause, or its end.
    """

    text: bytes
    format: str
    data_start: int
    settings_start: int

    def from_file(self, path: str) -> bytes:
        """Return the statement that takes the data from a file, read as it is."""
        clause = f"\nFROM INFILE '{path}' COMPRESSION 'none'\n".encode()
        head, settings = self.text[: self.settings_start], self.text[self.settings_start :]
        return head + clause + settings + f"\nFORMAT {self.format}".encode()


def tokens(text: bytes) -> Iterator[Token]:
    """Yield every token of `text`, spaces and comments too."""
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "tag":
            kind = "heredoc"
        if kind == "close":
            depth -= 1
        yield Token(kind, match[0], match.start(), match.end(), depth)
        if kind == "open":
            depth += 1


def find_insert(head: bytes) -> Insert | None:
    """Return the insert that begins with `head`, or None if this is no insert with data.

    None too for INSERT … SELECT, also from `input()`: its data is a part of the text.
    """
    words = _significant(head)
    first = next(words, None)
    if first is None or first.text.upper() != b"INSERT":
        return None
    named = False
    settings_start = -1
    previous = first
    for token in words:
        if token.depth == 0 and token.kind in ("word", "quoted") and previous.text != b".":
            word = token.text.upper() if token.kind == "word" else b""
            if not named:
                named = word not in (b"INTO", b"TABLE", b"FUNCTION")
            elif word in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
                return None
            elif word == b"SETTINGS":
                settings_start = token.start
            elif word == b"VALUES":
                start = token.start if settings_start < 0 else settings_start
                return Insert(head[: token.start], "Values", token.end, start)
            elif word == b"FORMAT":
                return _insert_of_format(head, token, next(words, None), settings_start)
        previous = token
    return None


def into_outfile(text: bytes, path: str, default_format: str) -> tuple[bytes, str]:
    """Return a SELECT-like `text` that writes its result to `path`, and the result's format."""
    significant = [
        token for token in _significant(text) if token.depth == 0 or token.kind != "word"
    ]
    while significant and significant[-1].text == b";":
        significant.pop()
    end = significant[-1].end if significant else 0
    name, tail, head_end = default_format, b"", end
    at = _format_clause(significant)
    if at is not None:
        name = significant[at + 1].text.decode()
        head_end = significant[at].start
        tail = text[significant[at + 1].end : end]
    clause = f"\nINTO OUTFILE '{path}' APPEND FORMAT {name}\n".encode()
    return text[:head_end] + clause + tail, name


def format_of(text: bytes, default_format: str) -> str:
    """Return the format that the FORMAT clause of `text` names, else the default."""
    return into_outfile(text, "", default_format)[1]


def _significant(text: bytes) -> Iterator[Token]:
    return (token for token in tokens(text) if token.kind not in ("space", "comment"))


def _insert_of_format(
    head: bytes, keyword: Token, name: Token | None, settings_start: int
) -> Insert | None:
    if name is None or name.kind != "word":
        return None
    gap = _BEFORE_DATA.match(head, name.end)
    assert gap is not None
    start = keyword.start if settings_start < 0 else settings_start
    return Insert(head[: keyword.start], name.text.decode(), gap.end(), start)


def _format_clause(significant: list[Token]) -> int | None:
    """Return the index of the last FORMAT that is followed by a name and the end or SETTINGS."""
    for at in range(len(significant) - 2, 0, -1):
        keyword, name = significant[at : at + 2]
        if keyword.depth or keyword.kind != "word" or keyword.text.upper() != b"FORMAT":
            continue
        after = significant[at + 2].text.upper() if at + 2 < len(significant) else b"SETTINGS"
        if name.kind == "word" and after == b"SETTINGS":
            return at
    return None
