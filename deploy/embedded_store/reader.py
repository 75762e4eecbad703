"""The holes that the engine leaves open for user `reader`, closed before it sees the text.

The engine itself holds a reader to its role (SELECT and SHOW, no FILE, URL or other source), to
the limits of its profile, and to readonly=1; see `engine_files`. It does not stop four things,
seen with chDB 26.9, because it takes its caller for the owner of the machine:

1. `SET ROLE` is allowed in readonly mode, and all connections belong to one engine user that has
   both roles. So a reader may send nothing but one statement that the engine's own parser
   classes as reading (`classify_query`): one SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS or CHECK.
2. `INTO OUTFILE` writes a file. The same classification refuses it.
3. The scalar function `file(path)` reads any file and asks for no grant. So no word of a
   reader's text outside of string literals may be `file` (or `eval`, which makes SQL of a
   string), and no quoted name may have a backslash, with which the word could be spelled. A
   heredoc is refused, being one more way to quote.
4. Settings can hold expressions (`select`, `filter`, `additional_result_filter`), some of which
   the engine takes from a SETTINGS clause whatever readonly says, and paths
   (`format_template_row`, `output_format_schema`). So the word SETTINGS is refused, but in
   `system.settings`, and of the settings in a URL only those of `_SETTINGS` pass.

Knows nothing of HTTP.
"""

from collections.abc import Iterable

from deploy.embedded_store.errors import ACCESS_DENIED, READONLY, StoreError
from deploy.embedded_store.statement import Token, tokens

_FORBIDDEN_WORDS = (b"file", b"eval")
_SYSTEM = b" system."
# None takes an expression or a path. What limits is held below the profile's maximum by the engine.
_SETTINGS = frozenset(
    {
        *("add_http_cors_header", "enable_http_compression", "http_zlib_compression_level"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("cancel_http_readonly_queries_on_client_close", "http_wait_end_of_query"),
        *("max_threads", "max_block_size", "max_execution_time", "max_memory_usage"),
        *("max_result_rows", "max_result_bytes", "max_rows_to_read", "max_bytes_to_read"),
        *("result_overflow_mode", "timeout_overflow_mode", "read_overflow_mode", "extremes"),
        *("session_timezone", "date_time_output_format", "log_comment", "limit", "offset"),
        *("use_query_cache", "join_use_nulls", "format_csv_delimiter"),
    }
)
_SETTING_PREFIXES = ("output_format_json_", "output_format_csv_", "output_format_pretty_")


def check_reader(text: bytes, query_class: str, statement_count: int) -> None:
    """Raise StoreError if a reader may not send `text`, which the engine classed as given."""
    if query_class != "READ_ONLY" or statement_count != 1:
        raise StoreError(READONLY, "reader: Cannot execute query in readonly mode.", "reader")
    before = b""
    for token in tokens(text):
        if _is_forbidden(token, before):
            raise StoreError(
                ACCESS_DENIED,
                "reader: Not enough privileges. A reader may not use SETTINGS clauses, the "
                "functions file and eval, heredocs, or quoted names with a backslash.",
                "reader",
            )
        before = (before + token.text)[-len(_SYSTEM) :]


def check_reader_settings(names: Iterable[str]) -> None:
    """Raise StoreError if a reader may not send a setting of these `names`."""
    for name in names:
        if name not in _SETTINGS and not name.startswith(_SETTING_PREFIXES):
            raise StoreError(
                READONLY, f"reader: Cannot modify '{name}' setting in readonly mode.", "reader"
            )


def _is_forbidden(token: Token, before: bytes) -> bool:
    if token.kind == "quoted":
        return b"\\" in token.text or token.text[1:-1] in _FORBIDDEN_WORDS
    if token.kind == "comment":
        return any(word in token.text for word in _FORBIDDEN_WORDS)
    if token.kind == "word":
        is_settings = token.text.upper() == b"SETTINGS" and before.lower() != _SYSTEM
        return is_settings or token.text in _FORBIDDEN_WORDS or b"$" in token.text
    return token.kind == "heredoc" or token.text in (b"$", b"'", b'"', b"`")
