"""Brokers that belong together: one, or three that replicate to one another.

Must not know what is sent to them, nor read the environment.
"""

import base64
import itertools
import random
import socket
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.kafka.broker import Broker
from deploy.kafka.jars import classpath
from deploy.kafka.properties import HOST, Node, Security

FREE_PORTS = range(20_000, 32_000)


class Cluster:
    """Formats, starts and stops brokers in one folder. A context manager: started inside."""

    def __init__(
        self, folder: Path, nodes: Sequence[Node], security: Security | None = None
    ) -> None:
        self.folder = folder
        self.brokers = [
            Broker(node, nodes, folder / f"broker-{node.id}", security) for node in nodes
        ]

    @property
    def bootstrap(self) -> str:
        """Return the addresses clients begin with, comma-separated."""
        return ",".join(broker.node.address for broker in self.brokers)

    @property
    def secure_bootstrap(self) -> str:
        """Return the same for the SASL_SSL listener."""
        return ",".join(broker.node.secure_address for broker in self.brokers)

    def start(self) -> None:
        """Start all brokers and wait until they serve. Raises KafkaUnavailable."""
        classpath()
        cluster_id = _cluster_id(self.folder)
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(lambda broker: broker.format(cluster_id), self.brokers))
        for broker in self.brokers:
            broker.start()
        for broker in self.brokers:
            broker.wait_until_ready()

    def stop(self) -> None:
        """Stop all brokers. Safe to repeat."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(Broker.stop, self.brokers))

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_nodes(count: int, *, secure: bool = False) -> Sequence[Node]:
    """Return `count` nodes on ports that are free now.

    Below the range that Linux gives to outgoing connections, so that nobody gets a port while its
    broker is dead and will be started again.
    """
    each = 3 if secure else 2
    candidates = random.sample(FREE_PORTS, len(FREE_PORTS))
    ports = list(itertools.islice(filter(_is_free, candidates), count * each))
    return [Node(i + 1, *ports[i * each : (i + 1) * each]) for i in range(count)]


def fixed_nodes(count: int, first_port: int) -> Sequence[Node]:
    """Return `count` nodes on ports that follow one another: brokers first, then controllers."""
    return [Node(i + 1, first_port + i, first_port + count + i) for i in range(count)]


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _cluster_id(folder: Path) -> str:
    """Return the id that the cluster in `folder` was formatted with, or a new one."""
    path = folder / "cluster-id"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    return path.read_text()
