"""All of Heliograph as in production, on loopback ports: what faults are made to.

Two collector machines, each with its journal on a small disk of its own and a shipper; three
brokers; two consumers, and a third that a fault may add; one store behind a proxy that can lie.
Started and stopped from the main thread, since brokers end with the thread that started them.
"""

import asyncio
import base64
import socket
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from random import sample
from types import TracebackType
from typing import Self
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from deploy.kafka.broker import Broker
from deploy.kafka.cluster import FREE_PORTS
from deploy.kafka.properties import HOST, Node
from tests.chaos.barriers import Firewall, SmallDisk
from tests.chaos.schedule import BROKERS, COLLECTORS, CONSUMERS
from tests.chaos.service import Service
from tests.consumer.faulty_proxy import FaultyProxy, Mode
from tests.support.waiting import wait_until

READY_SECONDS_MAX = 60.0
ASK_SECONDS_MAX = 5.0
DISK_MEGABYTES = 48
GROUP_FIRST = 51_000
# Shorter than in production, so that each time-out is run into within seconds.
KAFKA: Mapping[str, object] = {
    "kafka.partitions": 6,
    "kafka.linger_ms": 20,
    "kafka.request_timeout_ms": 2000,
    "kafka.write_seconds_max": 8,
    "kafka.transaction_timeout_ms": 6000,
    "kafka.session_timeout_ms": 3000,
    "kafka.retry_seconds_max": 0.5,
}


class System:
    """Starts with its context; the janitor of the run ends what this does not.

    `delivery` is the shippers': at-least-once is the control, in which hits must be there twice.
    """

    def __init__(self, folder: Path, chain: str, delivery: str = "exactly-once") -> None:
        ports = iter(_steady_ports(3 * COLLECTORS + 2 * BROKERS + CONSUMERS + 1 + 2))
        self.firewall = Firewall(chain)
        self.disks = [SmallDisk(folder / f"disk-{i}", DISK_MEGABYTES) for i in range(COLLECTORS)]
        self.ports = [next(ports) for _ in range(COLLECTORS)]
        self.store_port = next(ports)
        nodes = [Node(i + 1, next(ports), next(ports)) for i in range(BROKERS)]
        self.brokers = [
            Broker(node, nodes, folder / f"broker-{node.id}", group=GROUP_FIRST + node.id)
            for node in nodes
        ]
        self.store = Service(
            "store", "store", folder, admin := next(ports),
            {"store.port": self.store_port, "store.path": folder / "store",
             "store.admin_port": admin},
        )  # fmt: skip
        self.proxy = _Proxy(f"http://{HOST}:{self.store_port}")
        self.bootstrap = ",".join(node.address for node in nodes)
        kafka = {**KAFKA, "kafka.bootstrap": self.bootstrap}
        self.collectors = [
            Service(f"collector-{i}", "collect", folder, admin := next(ports), {
                **_journal(disk), "collector.workers": 1, "collector.host": HOST,
                "collector.port": port, "collector.admin_port": admin,
            })
            for i, (disk, port) in enumerate(zip(self.disks, self.ports, strict=True))
        ]  # fmt: skip
        self.shippers = [
            Service(f"shipper-{i}", "ship", folder, admin := next(ports), {
                **_journal(disk), **kafka, "kafka.admin_port": admin,
                "kafka.delivery": delivery,
            })
            for i, disk in enumerate(self.disks)
        ]  # fmt: skip
        self.consumers = [
            Service(f"consumer-{i}", "consume", folder, admin := next(ports), {
                **kafka, "consumer.source": "kafka", "consumer.admin_port": admin,
                "consumer.batch_age_seconds_max": 0.3, "consumer.retry_seconds_max": 0.5,
                "consumer.handover_seconds_max": 1, "clickhouse.url": self.proxy.url,
                "clickhouse.request_timeout_seconds": 3, "clickhouse.retention_days": 0,
            })
            for i in range(CONSUMERS + 1)
        ]  # fmt: skip

    @property
    def running(self) -> Sequence[Service]:
        """All commands but the consumer that a fault adds."""
        return [self.store, *self.collectors, *self.shippers, *self.consumers[:CONSUMERS]]

    @property
    def services(self) -> Sequence[Service]:
        """All commands."""
        return [*self.running, *self.consumers[CONSUMERS:]]

    def __enter__(self) -> Self:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        for broker in self.brokers:
            broker.format(cluster_id)
        for broker in self.brokers:
            broker.start()
        self.store.start()
        for broker in self.brokers:
            broker.wait_until_ready()
        wait_until(lambda: not self.store.problems(), READY_SECONDS_MAX, "a store")
        for service in self.running[1:]:
            service.start()
        self.wait_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.firewall.heal()
        for group in (self.collectors, self.shippers, self.consumers, [self.store]):
            for service in group:
                service.terminate()
            for service in group:
                service.wait()
        for broker in self.brokers:
            # They have nothing left to lose.
            if broker.pid is not None:
                broker.kill()
        self.proxy.close()

    def tend(self) -> None:
        """Start again what ended unasked."""
        for service in self.services:
            service.tend(time.monotonic())

    def wait_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Wait until every command says that it is well."""

        def unwell() -> str:
            self.tend()
            problems = ((service.name, service.problems()) for service in self.running)
            return "; ".join(f"{name}: {problem}" for name, problem in problems if problem)

        deadline = time.monotonic() + seconds_max
        while (trouble := unwell()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not trouble, trouble

    def ask(self, question: str) -> list[str]:
        """Return the store's answer, row by row, past the proxy. Raises OSError."""
        url = f"http://{HOST}:{self.store_port}/?query={quote(question)}"
        try:
            with urlopen(url, timeout=ASK_SECONDS_MAX) as answer:
                text: str = answer.read().decode()
        except HTTPError as error:
            with error:
                # Below 500 the question is wrong, not the store.
                kind = OSError if error.code >= 500 else AssertionError
                raise kind(error.read()) from error
        except HTTPException as error:
            raise OSError("the answer was cut off") from error
        return text.splitlines()


class _Proxy:
    """The proxy in a thread of its own; `set` may be called from any other."""

    def __init__(self, url: str) -> None:
        self._proxy = FaultyProxy(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._proxy.__aenter__(), self._loop).result()
        self.url = self._proxy.url

    def set(self, mode: Mode) -> None:
        """Answer in this way from now on."""
        self._loop.call_soon_threadsafe(setattr, self._proxy, "mode", mode)

    def close(self) -> None:
        """Drop all connections."""
        done = self._proxy.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(done, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _journal(disk: SmallDisk) -> dict[str, object]:
    return {
        "journal.path": disk.folder / "journal",
        "journal.readers": "kafka",
        "journal.segment_bytes_max": 1024 * 1024,
        "journal.segment_age_seconds_max": 5,
        # Answers always wait for the disk: a frozen worker must put no hit at risk.
        "journal.write_ms_max": 0,
    }


def _steady_ports(count: int) -> Sequence[int]:
    """Return free ports that nobody is handed while who had one is dead."""
    found: list[int] = []
    for port in sample(FREE_PORTS, len(FREE_PORTS)):
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} free ports")
