"""`heliograph person show|export|erase`: arguments, and what is printed."""

import argparse
import asyncio
import csv
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import orjson

from consumer.migrate import MigrationChanged, migrate
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from deploy.person.records import NotErased, also_known, erase, found, rows_of
from deploy.person.rollups import HoursChanged
from deploy.person.subject import Subject, subject_of
from deploy.settings import BadSettings, Settings
from schemas.delivery import SinkAway

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
Act = Callable[[StoreClient, Subject], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say who it is."""
    for name, about in (
        ("visitor", "the visitor's id, a UUID"),
        ("user", "the site's own id of the person"),
        ("ip", "an address; of hits without consent only a part is stored, which is nobody's"),
    ):
        parser.add_argument(
            f"--{name}", action="append", default=[], help=f"{about}; may be repeated"
        )


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    add_arguments(parser)
    parser.add_argument(
        "--format", choices=("json", "csv"), default="json",
        help="json: a line for each row of each table; csv: the hits alone [json]",
    )  # fmt: skip


def add_erase_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `erase`."""
    add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="erase; without it, only say what")
    parser.add_argument(
        "--receipt", type=Path, metavar="FILE", help="write the receipt there [standard output]"
    )


def show(settings: Settings, options: argparse.Namespace) -> int:
    """Print how much there is, and which other ids the person's hits have."""

    async def act(client: StoreClient, subject: Subject) -> int:
        for one in await found(client, subject):
            times = f", {one.first_at} to {one.last_at} UTC" if one.rows else ""
            print(f"{one.table}: {one.rows} rows{times}")
        for other in await also_known(client, subject):
            if other["id"] not in (*subject.visitors, *subject.users):
                print(f"also --{other['kind']} {other['id']}: {other['hits']} of these hits")
        return EXIT_DONE

    return _run(settings, options, act)


def export(settings: Settings, options: argparse.Namespace) -> int:
    """Print all rows."""

    async def act(client: StoreClient, subject: Subject) -> int:
        rows = await rows_of(client, subject)
        print(_csv(rows) if options.format == "csv" else _json(rows), end="")
        return EXIT_DONE

    return _run(settings, options, act)


def erase_person(settings: Settings, options: argparse.Namespace) -> int:
    """Erase all rows and print the receipt; without --yes, only say what would go."""
    if options.receipt and options.receipt.exists():
        raise BadSettings(f"--receipt is {options.receipt}: it exists, and is not overwritten")

    async def act(client: StoreClient, subject: Subject) -> int:
        if not options.yes:
            for one in await found(client, subject):
                print(f"{one.table}: {one.rows} rows would be erased")
            print("nothing was erased: add --yes")
            return EXIT_FAILED
        receipt = orjson.dumps(await erase(client, subject), option=orjson.OPT_INDENT_2).decode()
        if options.receipt:
            options.receipt.write_text(receipt + "\n")
        else:
            print(receipt)
        return EXIT_DONE

    return _run(settings, options, act)


def _run(settings: Settings, options: argparse.Namespace, act: Act) -> int:
    try:
        subject = subject_of(options.visitor, options.user, options.ip)
    except ValueError as error:
        raise BadSettings(str(error)) from error
    try:
        return asyncio.run(_with_client(settings, subject, act))
    except (SinkAway, StoreError, MigrationChanged, NotErased, HoursChanged, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED


async def _with_client(settings: Settings, subject: Subject, act: Act) -> int:
    await migrate(settings.clickhouse)
    async with StoreClient(settings.clickhouse) as client:
        return await act(client, subject)


def _json(rows: list[dict[str, Any]]) -> str:
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    hits = [row for row in rows if row["table"] == "hits"]
    if not hits:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[name for name in hits[0] if name != "table"])
    writer.writeheader()
    for row in hits:
        writer.writerow({
            name: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
            for name, value in row.items() if name != "table"
        })  # fmt: skip
    return text.getvalue()
