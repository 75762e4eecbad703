"""`python -m deploy.live_page --url URL`: the live page as one file, for a ClickHouse server.

Writes to standard output. docs/live-page.md says where to put it.
"""

import argparse
import sys

from deploy.live_page import page_file


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m deploy.live_page", description=__doc__)
    parser.add_argument(
        "--url", required=True, help="the server's HTTP interface, as browsers reach it"
    )
    parser.add_argument("--database", default="", help="the database of the tables")
    parser.add_argument(
        "--collector", default="", help="the collector's address, for its page /start"
    )
    options = parser.parse_args()
    sys.stdout.write(page_file(options.url, options.database, options.collector))


if __name__ == "__main__":
    main()
