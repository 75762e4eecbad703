"""A broker's configuration as text: pure, from a description of the cluster.

Every node is a broker and a controller. Three nodes replicate everything three times and need two
in sync, the internal topics too, so that killing any one of them stops nothing. Clients use the
PLAINTEXT listener, or SASL_SSL if the cluster has `Security`. Must not start anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Security:
    """A SASL_SSL listener: the server's key with its certificate (PEM), and who may come in."""

    keystore: Path
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Node:
    """One broker-and-controller: its ports on loopback (`secure_port` is 0 without `Security`)."""

    id: int
    port: int
    controller_port: int
    secure_port: int = 0

    @property
    def address(self) -> str:
        """Return where clients connect without TLS."""
        return f"{HOST}:{self.port}"

    @property
    def secure_address(self) -> str:
        """Return where clients connect with SASL over TLS."""
        return f"{HOST}:{self.secure_port}"


def server_properties(
    node: Node, nodes: Sequence[Node], data: Path, security: Security | None = None
) -> str:
    """Return the text of one node's `server.properties`."""
    rows = {
        **_listeners(node, nodes),
        **_durability(len(nodes)),
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "log.segment.delete.delay.ms": "1000",
        # A client may ask for a session this short, so that tests of a dead member are quick.
        "group.min.session.timeout.ms": "1000",
    }
    if security is not None:
        rows |= _security(node, security)
    return "".join(f"{name}={value}\n" for name, value in rows.items())


def _listeners(node: Node, nodes: Sequence[Node]) -> Mapping[str, str]:
    voters = ",".join(f"{other.id}@{HOST}:{other.controller_port}" for other in nodes)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{node.controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _durability(brokers: int) -> Mapping[str, str]:
    replicas, in_sync = (3, 2) if brokers >= 3 else (1, 1)
    return {
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(replicas),
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "transaction.state.log.num.partitions": "4",
        # How often a transaction past its time is looked for.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # A broker that was killed or stopped is taken out within seconds, not half a minute.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "replica.lag.time.max.ms": "5000",
    }


def _security(node: Node, security: Security) -> Mapping[str, str]:
    listener = "listener.name.sasl_ssl"
    modules = "org.apache.kafka.common.security"
    plain = f'user_{security.user}="{security.password}"'
    return {
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{node.controller_port},"
        f"SASL_SSL://{node.secure_address}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "SASL_SSL:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.location": str(security.keystore),
        f"{listener}.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {plain};",
        f"{listener}.scram-sha-256.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
        f"{listener}.scram-sha-512.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
        f"{listener}.oauthbearer.sasl.jaas.config": f"{modules}.oauthbearer."
        'OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="heliograph";',
    }
