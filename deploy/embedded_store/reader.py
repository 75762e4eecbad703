"""The holes that the engine leaves open for user `reader`, closed before it sees the text.

The engine itself holds a reader to its role (SELECT and SHOW, no FILE, URL or other source), to
readonly=2 and to the limits of its profile; see `engine_files`. It does not stop three things,
seen with chDB 26.9, because it takes its caller for the owner of the machine:

1. `SET ROLE` is allowed in readonly mode, and all connections belong to one engine user that has
   both roles. So a reader may send nothing but one statement that the engine's own parser
   classes as reading (`classify_query`): one SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS or CHECK.
2. `INTO OUTFILE` writes a file. The same classification refuses it.
3. The scalar function `file(path)` reads any file and asks for no grant. So no word of a
   reader's text outside of string literals may be `file`, and no quoted name may have a
   backslash, with which the word could be spelled. A heredoc is refused, being one more way
   to quote.

Knows nothing of HTTP.
"""

from deploy.embedded_store.errors import ACCESS_DENIED, READONLY, StoreError
from deploy.embedded_store.statement import Token, tokens

_FORBIDDEN_WORDS = frozenset({b"file"})


def check_reader(text: bytes, query_class: str, statement_count: int) -> None:
    """Raise StoreError if a reader may not send `text`, which the engine classed as given."""
    if query_class != "READ_ONLY" or statement_count != 1:
        raise StoreError(READONLY, "reader: Cannot execute query in readonly mode.", "reader")
    lowered = text.lower()
    if b"file" not in lowered and b"\\" not in lowered and b"$" not in lowered:
        return
    if any(_is_forbidden(token) for token in tokens(text)):
        raise StoreError(
            ACCESS_DENIED,
            "reader: Not enough privileges. A reader may not use the function `file`, heredocs, "
            "or quoted names with a backslash.",
            "reader",
        )


def _is_forbidden(token: Token) -> bool:
    if token.kind == "string":
        return False
    if token.kind in ("heredoc", "comment"):
        return token.kind == "heredoc" or any(word in token.text for word in _FORBIDDEN_WORDS)
    if token.kind == "quoted":
        return b"\\" in token.text or token.text[1:-1] in _FORBIDDEN_WORDS
    return token.text in _FORBIDDEN_WORDS or token.text in (b"$", b"'")
