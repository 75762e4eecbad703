"""What each sub-command does: which children it starts, and what it tells the person.

The wiring of the parts is here and nowhere else.
"""

import argparse
import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from collector.metrics import METRICS as COLLECTOR_METRICS
from deploy.admin import serve_admin
from deploy.settings import BadSettings, Settings, environment_variable, revealed
from deploy.supervisor import ChildSpec, Supervisor
from deploy.terminal import LogPrinter

EXIT_STOPPED = 0


@dataclass(frozen=True, slots=True)
class AdminPort:
    """An admin port, and the prefix of the names of the children it speaks for."""

    prefix: str
    host: str
    port: int


log = logging.getLogger(__name__)


def collect(settings: Settings, options: argparse.Namespace) -> int:
    """Run the collector's workers until SIGTERM or Ctrl-C."""
    workers = settings.collector.workers or len(os.sched_getaffinity(0))
    _refuse_taken_ports(settings, ("collector.port", "collector.admin_port"))
    return _supervise(
        [_workers(settings, workers)],
        [_collector_admin(settings)],
        settings.collector.drain_delay_seconds,
        lambda: log.info("pixel: http://%s%s", _address(settings), settings.collector.pixel_path),
    )


def print_config(settings: Settings, options: argparse.Namespace) -> int:
    """Print all settings as TOML, secrets hidden."""
    for section in Settings.model_fields:
        print(f"[{section}]")
        model = getattr(settings, section)
        for name in type(model).model_fields:
            print(f"{name} = {_toml(getattr(model, name))}")
        print()
    return 0


def _collector_admin(settings: Settings) -> AdminPort:
    return AdminPort("collector", settings.collector.admin_host, settings.collector.admin_port)


def _workers(settings: Settings, workers: int) -> list[ChildSpec]:
    return [
        ChildSpec(
            f"collector.w{number}",
            "collector",
            {
                "name": f"w{number}",
                "collector": revealed(settings.collector),
                "journal": revealed(settings.journal),
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
) -> int:
    names = [child.name for group in groups for child in group]
    printer = LogPrinter(sys.stderr, names)
    logging.basicConfig(level=logging.INFO, handlers=[printer.handler("heliograph")])

    async def body() -> None:
        supervisor = Supervisor(
            groups, stop_delay_seconds=stop_delay_seconds, write_log=printer.write
        )
        runners = []
        for port in admin_ports:
            children = [c for c in supervisor.children if c.spec.name.startswith(port.prefix)]
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


def _address(settings: Settings) -> str:
    host = settings.collector.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"{shown}:{settings.collector.port}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(inner) for inner in value)}]"
    if isinstance(value, SecretStr):
        value = "********" if value.get_secret_value() else ""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
