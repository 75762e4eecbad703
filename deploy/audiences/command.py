"""`heliograph audiences list|run|export|serve`: arguments, and what is printed."""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from collector.api_keys import BadKeyFile
from consumer.migrate import MigrationChanged, migrate
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from deploy.audiences.definitions import Audience, BadAudienceFile, parse_audiences
from deploy.audiences.serve import serve
from deploy.audiences.snapshots import FORMATS, handed_out, newest, run
from deploy.settings import BadSettings, Settings
from schemas.delivery import SinkAway

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
_UNIT_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
PERIOD_SECONDS: Final = 3_600
Act = Callable[[StoreClient], Awaitable[int]]


def add_file_argument(parser: argparse.ArgumentParser) -> None:
    """Declare where the audiences are defined."""
    parser.add_argument(
        "--file", type=Path, default=Path("audiences.toml"), metavar="FILE",
        help="TOML file of the audiences [audiences.toml]",
    )  # fmt: skip


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    add_file_argument(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them [all]")
    parser.add_argument(
        "--every", default="", metavar="TIME",
        help="go on, and make a snapshot every so often: 15m, 1h, 1d; without it, one of this hour",
    )  # fmt: skip


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    parser.add_argument("name", metavar="NAME", help="the audience")
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="csv",
        help="meta, google: hashed contacts as their customer lists take them [csv]",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where it goes [standard output]"
    )


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `serve`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to answer on [127.0.0.1]")
    parser.add_argument("--port", type=int, default=8083, help="port to answer on [8083]")


def list_audiences(settings: Settings, options: argparse.Namespace) -> int:
    """Print the file's audiences and their newest sizes."""
    audiences = _audiences(options.file)

    async def act(client: StoreClient) -> int:
        sizes = {one["audience"]: one for one in await newest(client)}
        for audience in audiences:
            one = sizes.get(audience.name)
            made = (
                f"{one['members']} members, {one['with_email']} with an email hash, "
                f"at {one['snapshot_at']} UTC"
                if one
                else "never made"
            )
            changed = (
                " (defined otherwise then)"
                if (one and one["definition"] != audience.definition)
                else ""
            )
            print(f"{audience.name}  site {audience.site}  {made}{changed}")
        return EXIT_DONE

    return _run(_with_client(settings, act))


def run_audiences(settings: Settings, options: argparse.Namespace) -> int:
    """Make snapshots, once or for ever."""
    chosen = [one for one in _audiences(options.file)
              if not options.names or one.name in options.names]  # fmt: skip
    unknown = set(options.names) - {one.name for one in chosen}
    if unknown:
        raise BadSettings(f"{options.file} has no audience {', '.join(sorted(unknown))}")
    every = _seconds(options.every) if options.every else PERIOD_SECONDS

    async def act(client: StoreClient) -> int:
        while True:
            failed = False
            began = monotonic()
            for audience in chosen:
                failed |= not await _make(client, audience, every, is_repeated=bool(options.every))
            if not options.every:
                return EXIT_FAILED if failed else EXIT_DONE
            # A tenth of the period: the store's clock says when the next one begins.
            await asyncio.sleep(max(every / 10 - (monotonic() - began), 1))

    return _run(_with_client(settings, act))


def export_audience(settings: Settings, options: argparse.Namespace) -> int:
    """Write the newest snapshot of an audience."""

    async def act(client: StoreClient) -> int:
        data = await handed_out(client, options.name, "", options.format)
        if data is None:
            print(f"no audience {options.name} was made: `audiences run` first", file=sys.stderr)
            return EXIT_FAILED
        if options.output:
            options.output.write_bytes(data)
        else:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return EXIT_DONE

    return _run(_with_client(settings, act))


def serve_audiences(settings: Settings, options: argparse.Namespace) -> int:
    """Hand audiences out over HTTP."""
    if settings.collector.keys_file is None:
        raise BadSettings("collector.keys_file is not set: without keys nobody may ask")

    async def act() -> int:
        await migrate(settings.clickhouse)
        await serve(settings.collector, settings.clickhouse, options.host, options.port)
        return EXIT_DONE

    return _run(act())


async def _make(client: StoreClient, audience: Audience, every: int, *, is_repeated: bool) -> bool:
    try:
        size, is_new = await run(client, audience, every)
    except (StoreError, SinkAway) as error:
        print(f"{audience.name}: {error}", file=sys.stderr, flush=True)
        return False
    if is_new or not is_repeated:
        made = "" if is_new else ", made already"
        print(f"{audience.name}: {size} members{made}", flush=True)
    return True


def _audiences(file: Path) -> Sequence[Audience]:
    try:
        return parse_audiences(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"--file: can't read {file}: {error}") from error
    except BadAudienceFile as error:
        raise BadSettings(str(error)) from error


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", text)
    if found is None:
        raise BadSettings(f"--every is {text}: a number and m, h or d, as in 15m")
    return int(found[1]) * _UNIT_SECONDS[found[2]]


async def _with_client(settings: Settings, act: Act) -> int:
    await migrate(settings.clickhouse)
    async with StoreClient(settings.clickhouse) as client:
        return await act(client)


def _run(work: Awaitable[int]) -> int:
    async def main() -> int:
        return await work

    try:
        return asyncio.run(main())
    except (SinkAway, StoreError, MigrationChanged, BadKeyFile, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_DONE
