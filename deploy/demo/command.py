"""`heliograph demo`: its arguments, and what it prints."""

import argparse
import asyncio
import sys
from typing import Final

from consumer.migrate import MigrationChanged
from consumer.store_errors import StoreError
from deploy.all_in_one import collector_url
from deploy.demo.to_pixel import CollectorAway, Plan, send_to_pixel
from deploy.demo.to_store import fill_store
from deploy.settings import BadSettings, Settings
from schemas.delivery import SinkAway

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
DAYS_MAX: Final = 366
HITS_MAX: Final = 10**11


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `demo`."""
    parser.add_argument(
        "--to", choices=("store", "pixel"), default="store",
        help="store: hits of the past month, straight into ClickHouse; pixel: through the endpoint "
        "of a running collector, as if they happened now [store]",
    )  # fmt: skip
    parser.add_argument(
        "--hits", type=int, default=100_000, metavar="N",
        help="about how many hits [100000]",
    )  # fmt: skip
    parser.add_argument(
        "--days", type=int, default=30, metavar="N",
        help="store: over how many days before today; today's whole hours are added [30]",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N",
        help="the same seed, hits and days are the same hits, and in the store only once [1]",
    )  # fmt: skip
    parser.add_argument(
        "--rate", type=float, default=20, metavar="N", help="pixel: hits a second [20]"
    )
    parser.add_argument(
        "--pixel", default="", metavar="URL",
        help="pixel: the pixel's address [that of the collector in the settings]",
    )  # fmt: skip


def demo(settings: Settings, options: argparse.Namespace) -> int:
    """Make the hits, and print how many there are."""
    if not 1 <= options.hits <= HITS_MAX:
        raise BadSettings(f"--hits is {options.hits}: 1 to {HITS_MAX:,}")
    if not 1 <= options.days <= DAYS_MAX:
        raise BadSettings(f"--days is {options.days}: 1 to {DAYS_MAX}")
    if not 0 < options.rate <= 100_000:
        raise BadSettings(f"--rate is {options.rate}: above 0, up to 100,000 hits a second")
    try:
        if options.to == "store":
            asyncio.run(fill_store(settings.clickhouse, options.seed, options.hits, options.days))
        else:
            pixel = options.pixel or collector_url(settings) + settings.collector.pixel_path
            asyncio.run(send_to_pixel(Plan(pixel, options.seed, options.hits, options.rate)))
    except (SinkAway, StoreError, MigrationChanged, CollectorAway) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("stopped; run it again to go on", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE
