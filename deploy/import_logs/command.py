"""`heliograph import`: its arguments, and what it prints."""

import argparse
import asyncio
import sys
from pathlib import Path
from time import monotonic
from typing import Final

from collector.consent_words import LEVELS
from consumer.migrate import MigrationChanged, migrate
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from consumer.user_agents import parse_new_agents
from deploy.import_logs.importing import Importer
from deploy.import_logs.line_hits import LineHits
from deploy.import_logs.notes import BadNotes, Notes, opened_notes
from deploy.progress import Progress
from deploy.settings import BadSettings, Settings
from schemas.delivery import SinkAway
from schemas.site_file import BadSiteFile

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
FORMATS: Final = ("auto", "combined", "json", "cloudfront")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `import`."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="logs, gzipped or not")
    parser.add_argument(
        "--format", choices=FORMATS, default="auto",
        help="combined: nginx, Apache; json: one object a line, as nginx, Caddy and Fastly write; "
        "cloudfront [auto: told by the first line]",
    )  # fmt: skip
    parser.add_argument(
        "--path", default="", metavar="PATH",
        help="the old pixel's path [that of the setting collector.pixel_path]",
    )  # fmt: skip
    parser.add_argument(
        "--map", action="append", default=[], metavar="OLD=NEW",
        help="the old pixel's parameter OLD is our NEW (dl=u); without NEW it is dropped; repeat "
        "it for each",
    )  # fmt: skip
    parser.add_argument(
        "--consent", choices=LEVELS, default="denied",
        help="what holds for requests that say nothing of consent [denied]",
    )  # fmt: skip
    parser.add_argument(
        "--site", default="", metavar="KEY", help="the site of requests that name none"
    )
    parser.add_argument(
        "--notes", type=Path, default=Path("data/import.json"), metavar="FILE",
        help="how far each log was imported; keep it [data/import.json]",
    )  # fmt: skip
    parser.add_argument(
        "--bad-lines", type=Path, default=Path("data/import-bad-lines.json"), metavar="FILE",
        help="where bad lines are, and why they are bad [data/import-bad-lines.json]",
    )  # fmt: skip


def import_logs(settings: Settings, options: argparse.Namespace) -> int:
    """Import the files, and print what became of their lines."""
    renamed = {}
    for pair in options.map:
        old, separator, new = pair.partition("=")
        if not old or not separator:
            raise BadSettings(f"--map is {pair}: OLD=NEW, or OLD= to drop it")
        renamed[old] = new
    for file in options.files:
        if not file.is_file():
            raise BadSettings(f"{file}: no such file")
    try:
        hits = LineHits(
            settings.collector,
            path=options.path or settings.collector.pixel_path,
            renamed=renamed,
            consent=options.consent,
            site=options.site,
        )
        with opened_notes(options.notes) as notes:
            asyncio.run(_import(settings, options, hits, notes))
    except (SinkAway, StoreError, MigrationChanged, BadNotes, BadSiteFile, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("stopped; run it again to go on", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE


async def _import(
    settings: Settings, options: argparse.Namespace, hits: LineHits, notes: Notes
) -> None:
    await migrate(settings.clickhouse)
    progress = Progress(
        sys.stderr, "bytes", sum(file.stat().st_size for file in options.files), monotonic
    )
    async with StoreClient(settings.clickhouse) as client:
        importer = Importer(client, hits, notes, options.bad_lines, options.format, progress.add)
        done = [(file, await importer.file(file)) for file in options.files]
        progress.close()
        await parse_new_agents(client, again=False)
    for file, note in done:
        if note is None:
            print(f"{file}: empty")
        else:
            bad = f", {note.bad} bad lines (see {options.bad_lines})" if note.bad else ""
            print(f"{file}: {note.hits} hits, {note.others} other requests{bad}")
