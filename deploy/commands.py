"""What each sub-command does: which children it starts, and what it tells the person.

The wiring of the parts is here and nowhere else.
"""

import argparse
import asyncio
import errno
import importlib.util
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import consumer.migrate
from collector.metrics import METRICS as COLLECTOR_METRICS
from collector.secrets import BadSecret, load_secrets, secret_path
from collector.shipper_metrics import METRICS as SHIPPER_METRICS
from consumer.kafka_metrics import KAFKA_METRICS
from consumer.metrics import METRICS as CONSUMER_METRICS
from consumer.migrate import MigrationChanged
from consumer.retention import read_sites_days
from consumer.store_errors import StoreError
from deploy.admin import serve_admin
from deploy.all_in_one import all_in_one, collector_url, store_url, welcome
from deploy.embedded_store.metrics import METRICS as STORE_METRICS
from deploy.operator_files import OperatorFiles
from deploy.settings import BadSettings, Settings, environment_variable, revealed
from deploy.supervisor import ChildSpec, ChildState, Supervisor
from deploy.terminal import LogPrinter
from deploy.toml_text import toml_line
from schemas.delivery import SinkAway
from schemas.site_file import BadSiteFile

EXIT_STOPPED = 0
EXIT_FAILED = 1


@dataclass(frozen=True, slots=True)
class AdminPort:
    """An admin port, and the first parts of the names of the children it speaks for."""

    children: tuple[str, ...]
    host: str
    port: int

    def speaks_for(self, child: ChildState) -> bool:
        """Tell whether the child is among those that the port speaks for."""
        return child.spec.name.partition(".")[0] in self.children


log = logging.getLogger(__name__)


def collect(settings: Settings, options: argparse.Namespace) -> int:
    """Run the collector's workers until SIGTERM or Ctrl-C."""
    _refuse_taken_ports(settings, ("collector.port", "collector.admin_port"))
    _refuse_bad_secret(settings)
    files = OperatorFiles(settings.collector)
    return _supervise(
        [_workers(settings, settings.collector.workers or _cores(), files)],
        [_collector_admin(settings)],
        settings.collector.drain_delay_seconds,
        lambda: log.info("pixel: %s%s", collector_url(settings), settings.collector.pixel_path),
        files.reload,
    )


def consume(settings: Settings, options: argparse.Namespace) -> int:
    """Run the consumer until SIGTERM or Ctrl-C."""
    if settings.consumer.source == "kafka":
        _refuse_no_kafka(settings)
    _refuse_taken_ports(settings, ("consumer.admin_port",))
    return _supervise(
        [[_consumer(settings)]],
        [_consumer_admin(settings, "consumer")],
        0,
        lambda: log.info("hits go to %s", settings.clickhouse.url),
    )


def ship(settings: Settings, options: argparse.Namespace) -> int:
    """Run the shippers until SIGTERM or Ctrl-C."""
    _refuse_no_kafka(settings)
    if "kafka" not in settings.journal.readers:
        raise BadSettings(
            f"journal.readers is {', '.join(settings.journal.readers)}: it must name kafka, here "
            "and for the collector, or segments are deleted before they are shipped"
        )
    _refuse_taken_ports(settings, ("kafka.admin_port",))
    return _supervise(
        [_shippers(settings)],
        [AdminPort(("shipper",), settings.kafka.admin_host, settings.kafka.admin_port)],
        0,
        lambda: log.info("hits go to topic %s", settings.kafka.topic),
    )


def store(settings: Settings, options: argparse.Namespace) -> int:
    """Run the embedded store until SIGTERM or Ctrl-C."""
    _refuse_missing_engine()
    _refuse_taken_ports(settings, ("store.port", "store.admin_port"))
    return _supervise(
        [[_store(settings)]],
        [AdminPort(("store",), settings.store.admin_host, settings.store.admin_port)],
        0,
        lambda: log.info("ClickHouse's HTTP interface: %s", store_url(settings)),
    )


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run store, consumer and collector on this machine until SIGTERM or Ctrl-C."""
    _refuse_missing_engine()
    _refuse_taken_ports(
        settings,
        (
            "collector.port",
            "collector.admin_port",
            "consumer.admin_port",
            "store.port",
        ),
    )
    _refuse_bad_secret(settings)
    settings = all_in_one(settings)
    workers = settings.collector.workers or min(2, _cores())
    files = OperatorFiles(settings.collector)
    return _supervise(
        [[_store(settings)], [_consumer(settings)], _workers(settings, workers, files)],
        [_collector_admin(settings), _consumer_admin(settings, "consumer", "store")],
        settings.collector.drain_delay_seconds,
        lambda: print(welcome(settings), flush=True),
        files.reload,
    )


def add_migrate_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `migrate`."""
    parser.add_argument("--dry-run", action="store_true", help="print the SQL, change nothing")


def migrate(settings: Settings, options: argparse.Namespace) -> int:
    """Apply the migrations; print the statements that were taken (or would be)."""
    try:
        read_sites_days(settings.clickhouse.sites_file)
    except BadSiteFile as error:
        raise BadSettings(str(error)) from error
    try:
        statements = asyncio.run(
            consumer.migrate.migrate(settings.clickhouse, dry_run=options.dry_run)
        )
    except (SinkAway, StoreError, MigrationChanged) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    for statement in statements:
        print(f"{statement};\n")
    if not statements:
        print("nothing to do: the tables are of this version")
    return 0


def print_config(settings: Settings, options: argparse.Namespace) -> int:
    """Print all settings as TOML, secrets hidden."""
    for section in Settings.model_fields:
        print(f"[{section}]")
        model = getattr(settings, section)
        for name in type(model).model_fields:
            print(toml_line(name, getattr(model, name)))
        print()
    return 0


def _collector_admin(settings: Settings) -> AdminPort:
    return AdminPort(("collector",), settings.collector.admin_host, settings.collector.admin_port)


def _consumer_admin(settings: Settings, *children: str) -> AdminPort:
    return AdminPort(children, settings.consumer.admin_host, settings.consumer.admin_port)


def _consumer(settings: Settings) -> ChildSpec:
    return ChildSpec(
        "consumer",
        "consumer",
        {
            "journal": revealed(settings.journal),
            "consumer": revealed(settings.consumer),
            "clickhouse": revealed(settings.clickhouse),
            "kafka": revealed(settings.kafka),
        },
        (*CONSUMER_METRICS, *KAFKA_METRICS),
        stop_seconds_max=settings.consumer.stop_seconds_max + 5,
    )


def _shippers(settings: Settings) -> list[ChildSpec]:
    return [
        ChildSpec(
            f"shipper.s{number}",
            "collector.shipper",
            {
                "journal": revealed(settings.journal),
                "kafka": revealed(settings.kafka),
                "index": number,
            },
            SHIPPER_METRICS,
            stop_seconds_max=settings.kafka.stop_seconds_max + 5,
        )
        for number in range(settings.kafka.shippers)
    ]


def _store(settings: Settings) -> ChildSpec:
    return ChildSpec(
        "store",
        "deploy.embedded_store",
        revealed(settings.store),
        STORE_METRICS,
        stop_seconds_max=settings.store.stop_seconds_max + 5,
    )


def _workers(settings: Settings, workers: int, files: OperatorFiles) -> list[ChildSpec]:
    return [
        ChildSpec(
            f"collector.w{number}",
            "collector",
            {
                "name": f"w{number}",
                "collector": revealed(settings.collector),
                "journal": revealed(settings.journal),
                "files": files.texts,
            },
            COLLECTOR_METRICS,
            # The worker keeps its own deadline; this one is for a worker that is stuck.
            stop_seconds_max=settings.collector.drain_seconds_max + 5,
        )
        for number in range(workers)
    ]


def _supervise(
    groups: Sequence[Sequence[ChildSpec]],
    admin_ports: Sequence[AdminPort],
    stop_delay_seconds: float,
    on_ready: Callable[[], None],
    on_hangup: Callable[[], None] = lambda: None,
) -> int:
    names = [child.name for group in groups for child in group]
    printer = LogPrinter(sys.stderr, names)
    logging.basicConfig(level=logging.INFO, handlers=[printer.handler("heliograph")])

    async def body() -> None:
        supervisor = Supervisor(
            groups,
            stop_delay_seconds=stop_delay_seconds,
            write_log=printer.write,
            on_hangup=on_hangup,
        )
        runners = []
        for port in admin_ports:
            children = [
                c for c in supervisor.children if c.spec.name.split(".")[0] in port.children
            ]
            runners.append(await serve_admin(supervisor, children, port.host, port.port))
        await supervisor.run(on_ready)
        for runner in runners:
            await runner.cleanup()

    asyncio.run(body())
    return EXIT_STOPPED


def _refuse_taken_ports(settings: Settings, names: Sequence[str]) -> None:
    """Raise BadSettings if a port is taken.

    Workers share their port (SO_REUSEPORT), so a second collector would not notice the first.
    """
    for setting in names:
        section, _, name = setting.partition(".")
        model = getattr(settings, section)
        host = getattr(model, name.replace("port", "host"))
        port = getattr(model, name)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                variable = environment_variable(section, name)
                if error.errno == errno.EADDRINUSE:
                    raise BadSettings(
                        f"port {port} is taken: choose another with --{setting} or {variable}"
                    ) from error
                raise BadSettings(
                    f"can't listen on {host}:{port} ({error.strerror}): see --{setting}, {variable}"
                ) from error


def _refuse_bad_secret(settings: Settings) -> None:
    """Raise BadSettings unless the workers will be able to read their keys, or to make them."""
    try:
        load_secrets(secret_path(settings.collector.secret_file, settings.journal.path), os.urandom)
    except BadSecret as error:
        raise BadSettings(str(error)) from error


def _refuse_no_kafka(settings: Settings) -> None:
    if not settings.kafka.bootstrap:
        raise BadSettings(
            "kafka.bootstrap is empty: say where Kafka is, as --kafka.bootstrap host:port or "
            + environment_variable("kafka", "bootstrap")
        )


def _refuse_missing_engine() -> None:
    if importlib.util.find_spec("chdb") is None:
        raise BadSettings(
            "the embedded store needs the ClickHouse engine: pip install 'heliograph[embedded]'"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0))
