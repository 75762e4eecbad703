"""The import: range after range of each file becomes one insert under a token of its own.

Exactly once: `notes` says which range is under way before it goes in. Bad lines are counted and
told by position and reason; the line itself stays where it is, since consent was not asked of it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from consumer.clickhouse_sink import INSERT_SETTINGS, PARSE_SETTINGS
from consumer.store_client import StoreClient
from deploy.import_logs import formats
from deploy.import_logs.formats import BadLine, Parser
from deploy.import_logs.line_hits import LineHits
from deploy.import_logs.log_file import LogFile, Range
from deploy.import_logs.notes import FileNote, Notes


class Made(NamedTuple):
    """What became of one range."""

    data: bytes
    hits: int
    others: int
    # Position and reason of each bad line.
    bad: Sequence[tuple[int, str]]
    fields: str


class Importer:
    """Imports files into one store."""

    def __init__(
        self,
        client: StoreClient,
        hits: LineHits,
        notes: Notes,
        bad_lines: Path,
        format_name: str,
        progress: Callable[[int], None],
    ) -> None:
        self._client = client
        self._hits = hits
        self._notes = notes
        self._bad_lines = bad_lines
        self._format_name = format_name
        self._progress = progress
        # What a run wrote that was killed before it was noted is written again.
        if bad_lines.exists():
            with bad_lines.open("r+b") as file:
                file.truncate(min(notes.bad_lines_bytes, bad_lines.stat().st_size))

    async def file(self, path: Path) -> FileNote | None:
        """Import what is new in a file; return its note, None for an empty file.

        Raises SinkAway or StoreError; what was done is noted, and all may be done again.
        """
        with LogFile(path) as file:
            if not file.head:
                return None
            note = self._notes.of(file)
            format_name = self._format_name
            if format_name == "auto":
                format_name = formats.guessed(file.head.splitlines())
            shown = 0
            for one in file.ranges(note.position, note.end):
                await self._range(path, format_name, note, one)
                self._progress(file.read_so_far() - shown)
                shown = file.read_so_far()
            return note

    async def _range(self, path: Path, format_name: str, note: FileNote, one: Range) -> None:
        note.end = one.end
        self._notes.save()
        token = note.token(one.end)
        made = self._made(format_name, note, one, token)
        if made.hits:
            settings = {**PARSE_SETTINGS, **INSERT_SETTINGS, "insert_deduplication_token": token}
            await self._client.insert("INSERT INTO hits FORMAT JSONEachRow", made.data, settings)
        if made.bad:
            self._write_bad(path, made.bad)
        note.position, note.end, note.fields = one.end, None, made.fields
        note.hits += made.hits
        note.others += made.others
        note.bad += len(made.bad)
        self._notes.save()

    def _made(self, format_name: str, note: FileNote, one: Range, token: str) -> Made:
        line_of = self._hits.of_batch(token)
        fields, parser = note.fields, _parser(format_name, note.fields)
        lines, bad, others = [], [], 0
        for position, raw in _lines(one.data, note.position):
            text = raw.decode(errors="replace").strip()
            try:
                if format_name == "cloudfront" and text.startswith("#"):
                    if text.startswith("#Fields:"):
                        fields, parser = text, formats.cloudfront(text)
                elif text:
                    request = parser(text)
                    if self._hits.is_pixel(request):
                        lines.append(line_of(request))
                    else:
                        others += 1
            except BadLine as error:
                bad.append((position, str(error)))
        return Made(b"".join(lines), len(lines), others, bad, fields)

    def _write_bad(self, path: Path, bad: Sequence[tuple[int, str]]) -> None:
        with self._bad_lines.open("ab") as file:
            for position, reason in bad:
                row = {"file": str(path), "position": position, "reason": reason}
                file.write(orjson.dumps(row) + b"\n")
            self._notes.bad_lines_bytes = file.tell()


def _parser(format_name: str, fields: str) -> Parser:
    if format_name == "combined":
        return formats.combined
    if format_name == "json":
        return formats.json
    return formats.cloudfront(fields) if fields else _without_fields


def _without_fields(line: str) -> formats.Request:
    raise BadLine("no #Fields line before it")


def _lines(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    for raw in data.splitlines(keepends=True):
        yield position, raw
        position += len(raw)
