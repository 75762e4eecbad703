"""`heliograph dead-letters list|show|replay`: what each prints, and what a person did wrong.

What a letter holds comes from anywhere, so nothing of it reaches a terminal but printable text;
only `show --raw` and `list --json` are exact.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from consumer.dead_letter_file import decode, encode
from consumer.dead_letter_replay import ALREADY_THERE, KEPT, Replay
from consumer.dead_letter_selection import LetterName, Selection, parse_since
from consumer.dead_letter_store import PAGE_LETTERS, DeadLetterStore, Letter
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from deploy.settings import BadSettings, Settings
from schemas.delivery import SinkAway

EXIT_DONE = 0
EXIT_FAILED = 1
LIMIT_DEFAULT = 50


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `list`."""
    _add_filters(parser)
    parser.add_argument(
        "--limit", type=_count, default=LIMIT_DEFAULT, metavar="N", help="at most N letters [50]"
    )
    parser.add_argument(
        "--replayed", action="store_true", help="also letters that a replay has put into hits"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--summary", action="store_true", help="count letters by reason instead")
    shape.add_argument(
        "--json", action="store_true", help="print whole letters as JSON lines: mend `raw` in "
        "them and give them to `replay --from-file`",
    )  # fmt: skip


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `show`."""
    parser.add_argument("letter", type=_name, metavar="SOURCE:POSITION", help="from `list`")
    parser.add_argument(
        "--raw", action="store_true", help="write the letter's bytes as they are, nothing else"
    )


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `replay`."""
    parser.add_argument(
        "letters", type=_name, nargs="*", metavar="SOURCE:POSITION", help="these letters only"
    )
    _add_filters(parser)
    parser.add_argument("--all", action="store_true", help="all letters that are not in hits yet")
    parser.add_argument(
        "--from-file", metavar="FILE",
        help="replay the letters in FILE (- is standard input) with the bytes given there: JSON "
        "lines with `source`, `position` and `raw` (a text) or `hit` (an object)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")


def list_letters(settings: Settings, options: argparse.Namespace) -> int:
    """Print letters, the newest first, or how many there are of each reason."""
    selection = replace(_filters(options), replayed=options.replayed)

    async def body(client: StoreClient) -> int:
        letters = DeadLetterStore(client)
        if options.summary:
            for count, oldest, newest, reason in await letters.reasons(selection):
                print(f"{count:>9}  {oldest[:19]}  {newest[:19]}  {printable(reason)}")
        elif options.json:
            for letter in await letters.newest(selection, options.limit, raw=True):
                sys.stdout.buffer.write(encode(letter))
        else:
            for letter in await letters.newest(selection, options.limit, raw=False):
                print(_row(letter))
        return EXIT_DONE

    return _run(settings, body)


def show_letter(settings: Settings, options: argparse.Namespace) -> int:
    """Print one letter: what is known of it, then its bytes."""

    async def body(client: StoreClient) -> int:
        selection = Selection(names=(options.letter,), replayed=True)
        found = await DeadLetterStore(client).newest(selection, 1, raw=True)
        if not found:
            return _fail(f"{printable(str(options.letter))}: no such letter")
        (letter,) = found
        assert letter.raw is not None
        if options.raw:
            sys.stdout.buffer.write(letter.raw)
            return EXIT_DONE
        print(f"letter    {printable(str(letter.name))}\nrefused   {letter.inserted_at} UTC")
        if letter.outcome:
            print(f"replayed  {letter.replayed_at} UTC: {letter.outcome}")
        print(f"reason    {printable(letter.reason)}\nsize      {letter.size} bytes\n")
        print(printable(letter.raw.decode(errors="backslashreplace")))
        return EXIT_DONE

    return _run(settings, body)


def replay_letters(settings: Settings, options: argparse.Namespace) -> int:
    """Put letters through again; print those that are still refused, and how many went in."""
    selection = replace(_filters(options), names=tuple(options.letters))
    if [selection != Selection(), options.all, options.from_file is not None].count(True) != 1:
        return _fail("say which letters: some SOURCE:POSITION or filters, or --all, or --from-file")

    async def body(client: StoreClient, file: BinaryIO | None) -> int:
        letters = DeadLetterStore(client)
        if file is None:
            pages = letters.pages(selection)
        else:
            pages = _edited(letters, options.from_file, file)
        replay = Replay(client, dry_run=options.dry_run)
        kept = there = refused = 0
        async for verdict in replay.run(pages, edited=file is not None):
            if verdict.outcome == KEPT:
                kept += 1
                there += verdict.reason == ALREADY_THERE
            else:
                refused += 1
                print(f"{printable(str(verdict.name))}  {printable(verdict.reason)}")
        would = "would be" if options.dry_run else "are"
        print(f"{kept} {would} in hits ({there} of them were already), {refused} {would} refused")
        if not kept + refused and options.letters:
            return _fail("no such letters, or all of them are in hits already")
        return EXIT_FAILED if refused else EXIT_DONE

    if options.from_file in (None, "-"):
        file = sys.stdin.buffer if options.from_file else None
        return _run(settings, lambda client: body(client, file))
    try:
        with Path(options.from_file).open("rb") as opened:
            return _run(settings, lambda client: body(client, opened))
    except OSError as error:
        return _fail(f"--from-file {options.from_file}: {error.strerror or error}")


def printable(text: str) -> str:
    """Return text with all that could move a terminal's cursor written as an escape."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def _run(settings: Settings, body: Callable[[StoreClient], Awaitable[int]]) -> int:
    async def connected() -> int:
        async with StoreClient(settings.clickhouse) as client:
            return await body(client)

    try:
        return asyncio.run(connected())
    except (SinkAway, StoreError) as error:
        sys.stdout.flush()
        return _fail(str(error))


async def _edited(
    letters: DeadLetterStore, name: str, file: BinaryIO
) -> AsyncIterator[Sequence[Letter]]:
    """Yield the letters of a file, page by page, with the file's bytes in place of their own.

    Raises BadSettings for a line that is wrong; the pages before it are yielded.
    """
    given = decode(file)
    while True:
        try:
            page = dict(islice(given, PAGE_LETTERS))
        except ValueError as error:
            raise BadSettings(f"--from-file {name}: {error}") from error
        if not page:
            return
        found = await letters.newest(
            Selection(names=tuple(page), replayed=True), PAGE_LETTERS, raw=False
        )
        for missing in sorted(page.keys() - {letter.name for letter in found}):
            raise BadSettings(f"--from-file {name}: no letter is {printable(str(missing))}")
        yield [replace(letter, raw=page[letter.name]) for letter in found if letter.outcome != KEPT]


def _row(letter: Letter) -> str:
    name, reason = printable(str(letter.name)), printable(letter.reason)
    mark = "in hits: " if letter.outcome == KEPT else ""
    return f"{letter.inserted_at[:19]}  {letter.size:>7}  {name}  {mark}{reason}"


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("filters", "All that are given must apply.")
    group.add_argument("--source", default="", metavar="TEXT", help="sources that begin with TEXT")
    group.add_argument("--reason", default="", metavar="TEXT", help="reasons that contain TEXT")
    group.add_argument(
        "--since", type=_since, metavar="TIME",
        help="refused since TIME: 15m, 2h or 3d ago, or as 2026-11-24T06:00:00 (UTC)",
    )  # fmt: skip


def _filters(options: argparse.Namespace) -> Selection:
    return Selection(source=options.source, reason=options.reason, since=options.since or "")


def _name(text: str) -> LetterName:
    try:
        return LetterName.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _since(text: str) -> str:
    try:
        return parse_since(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 to 1000000")
    return int(text)


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return EXIT_FAILED
