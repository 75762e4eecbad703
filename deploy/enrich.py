"""`heliograph enrich`: parse new user agents, load networks, apply the rules to history."""

import argparse
import asyncio
import sys
from pathlib import Path

from consumer.migrate import MigrationChanged, migrate
from consumer.networks import KINDS, BadNetworks, forget_networks, load_networks
from consumer.rederive import HitsCameIn, rederive
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from consumer.user_agents import parse_new_agents, rules_version
from deploy.settings import Settings
from schemas.delivery import SinkAway

EXIT_DONE = 0
EXIT_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `enrich`."""
    parser.add_argument(
        "--again", action="store_true",
        help="apply this version's rules to all hits and user agents that are stored, and rebuild "
        "the rollups; stop the consumer meanwhile",
    )  # fmt: skip
    for name in KINDS:
        parser.add_argument(
            f"--{name}", type=Path, metavar="FILE",
            help=f"look up the {name} of addresses in FILE (.mmdb, or .csv with a header) from now "
            "on; with --again for what is stored too",
        )  # fmt: skip
        parser.add_argument(
            f"--no-{name}", action="store_true", help=f"stop looking up {name}, and drop the table"
        )


def enrich(settings: Settings, options: argparse.Namespace) -> int:
    """Do what the arguments say, and print what was done."""
    try:
        asyncio.run(_enrich(settings, options))
    except (SinkAway, StoreError, MigrationChanged, BadNetworks, HitsCameIn) as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE


async def _enrich(settings: Settings, options: argparse.Namespace) -> None:
    await migrate(settings.clickhouse)
    async with StoreClient(settings.clickhouse) as client:
        for name, kind in KINDS.items():
            file = getattr(options, name)
            if file is not None:
                count = await load_networks(client, settings.clickhouse, kind, file)
                print(f"{count} networks of {file}: hits get their {' and '.join(kind.columns)}")
            elif getattr(options, f"no_{name}"):
                await forget_networks(client, kind)
                print(f"hits get no {' and '.join(kind.columns)} any more")
        count = await parse_new_agents(client, again=options.again)
        print(f"{count} user agents parsed by {rules_version()}")
        if options.again:
            async for line in rederive(client, asyncio.sleep):
                print(line, flush=True)
