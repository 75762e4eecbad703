"""Heliograph's processes as its command starts them, each with one core's worth of workers.

Nothing is switched off: journal, visitor cookie, consent. Paths and ports are the bench's.
"""

import os
import subprocess
import sys
from pathlib import Path

from bench.server import Launch, free_port
from bench.visitors import secret_file

_COMMAND = Path(sys.executable).with_name("heliograph")


def missing() -> str:
    """Say what to install if the command is not there."""
    return "" if _COMMAND.exists() else "heliograph, into the environment this runs in"


def launch(folder: Path, port: int) -> Launch:
    """Start the collector with one worker; its journal goes into the folder."""
    return _launch(
        "collect",
        HELIOGRAPH_COLLECTOR_HOST="127.0.0.1",
        HELIOGRAPH_COLLECTOR_PORT=str(port),
        HELIOGRAPH_COLLECTOR_ADMIN_PORT=str(free_port()),
        HELIOGRAPH_COLLECTOR_WORKERS="1",
        HELIOGRAPH_COLLECTOR_SECRET_FILE=str(secret_file(folder)),
        HELIOGRAPH_JOURNAL_PATH=str(folder / "journal"),
    )


def store(folder: Path, port: int) -> Launch:
    """Start the embedded store, with its data in the folder."""
    return _launch(
        "store",
        HELIOGRAPH_STORE_ADMIN_PORT=str(free_port()),
        HELIOGRAPH_STORE_PORT=str(port),
        HELIOGRAPH_STORE_PATH=str(folder / "store"),
    )


def consumer(folder: Path, store_port: int) -> Launch:
    """Start the consumer of the folder's journals."""
    return _launch(
        "consume",
        HELIOGRAPH_CLICKHOUSE_URL=f"http://127.0.0.1:{store_port}",
        HELIOGRAPH_CONSUMER_ADMIN_PORT=str(free_port()),
        HELIOGRAPH_JOURNAL_PATH=str(folder / "journal"),
    )


def shipper(folder: Path, bootstrap: str) -> Launch:
    """Start the shipper of the folder's journals, to the topic `hits`."""
    return _launch(
        "ship",
        HELIOGRAPH_JOURNAL_PATH=str(folder / "journal"),
        HELIOGRAPH_JOURNAL_READERS="kafka",
        HELIOGRAPH_KAFKA_ADMIN_PORT=str(free_port()),
        HELIOGRAPH_KAFKA_BOOTSTRAP=bootstrap,
    )


def kafka_consumer(folder: Path, store_port: int, bootstrap: str, topic: str) -> Launch:
    """Start a consumer of a topic, as a group of its own."""
    return _launch(
        "consume",
        HELIOGRAPH_CLICKHOUSE_URL=f"http://127.0.0.1:{store_port}",
        HELIOGRAPH_CONSUMER_ADMIN_PORT=str(free_port()),
        HELIOGRAPH_CONSUMER_SOURCE="kafka",
        HELIOGRAPH_JOURNAL_PATH=str(folder / "journal"),
        HELIOGRAPH_KAFKA_BOOTSTRAP=bootstrap,
        HELIOGRAPH_KAFKA_TOPIC=topic,
        HELIOGRAPH_KAFKA_CONSUMER_GROUP=f"bench-{store_port}",
    )


def migrate(store_port: int) -> None:
    """Make the tables of a store."""
    variable = {"HELIOGRAPH_CLICKHOUSE_URL": f"http://127.0.0.1:{store_port}"}
    command = [str(_COMMAND), "migrate"]
    subprocess.run(command, env=os.environ | variable, check=True, stdout=subprocess.DEVNULL)


def _launch(command: str, **environment: str) -> Launch:
    return Launch([str(_COMMAND), command], environment)
