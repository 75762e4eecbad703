"""A real Apache Kafka for tests: one broker for the whole run, others for tests that break them.

Without a JDK or Maven a test that asks for one is skipped with a sentence that says what to
install; under CI=true that is a failure. `KAFKA_BOOTSTRAP` names a cluster to use instead of the
shared broker; tests that kill brokers start their own all the same.
"""

import base64
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from aiokafka.abc import AbstractTokenProvider

from deploy.kafka.cluster import Cluster, free_nodes
from deploy.kafka.jars import KafkaUnavailable, classpath
from deploy.kafka.properties import Security

USER = "shipper"
PASSWORD = "correct-horse"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of the shared broker; every test uses topics and groups of its own."""
    existing = os.environ.get("KAFKA_BOOTSTRAP")
    if existing:
        yield existing
        return
    with cluster(tmp_path_factory.mktemp("kafka")) as running:
        yield running.bootstrap


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """A broker with a SASL_SSL listener whose certificate `authority` signed (it signs itself)."""

    cluster: Cluster
    authority: Path

    @property
    def bootstrap(self) -> str:
        """Address of the listener with SASL over TLS."""
        return self.cluster.secure_bootstrap


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A broker that wants TLS and a password (`USER`, `PASSWORD`)."""
    folder = tmp_path_factory.mktemp("secure-kafka")
    keystore, authority = certificate(folder)
    security = Security(keystore, USER, PASSWORD)
    with cluster(folder, security=security) as running:
        yield SecureKafka(running, authority)


@contextmanager
def cluster(folder: Path, brokers: int = 1, security: Security | None = None) -> Iterator[Cluster]:
    """Run brokers of the test's own; skip the test, or fail under CI, if the machine can't."""
    require_kafka()
    with Cluster(folder, free_nodes(brokers, secure=security is not None), security) as running:
        yield running


def require_kafka() -> None:
    """Get the jars; skip the test, or fail under CI=true, if that is not possible here."""
    try:
        classpath()
    except KafkaUnavailable as error:
        refuse: Callable[[str], object] = (
            pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        )
        refuse(str(error))


class UnsecuredToken(AbstractTokenProvider):  # type: ignore[misc]
    """A token without a signature (RFC 7515, `alg` none), which our test broker believes."""

    async def token(self) -> str:
        """Return a token for an hour."""
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": USER, "iat": now, "exp": now + 3600})
        encoded = (base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in parts)
        return b".".join([*encoded, b""]).decode()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for 127.0.0.1; return (key and certificate, certificate)."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "keystore.pem"
    _run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key),
        "-out", str(cert),
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both, cert


def kcat(bootstrap: str, *arguments: str) -> Sequence[bytes]:
    """Run kcat, a consumer that is not ours, until the end of the topic; return its lines."""
    output = _run("kcat", "-b", bootstrap, "-q", *arguments)
    return output.splitlines()


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the topic, as a consumer that is not ours sees it."""

    partition: int
    time_ms: int
    key: bytes
    value: bytes


def committed_records(bootstrap: str, topic: str) -> Sequence[Record]:
    """Return all records that a read_committed consumer sees now, partition by partition."""
    lines = kcat(
        bootstrap, "-C", "-t", topic, "-e", "-X", "isolation.level=read_committed",
        "-f", "%p\t%T\t%k\t%s\n",
    )  # fmt: skip
    rows = (line.split(b"\t", 3) for line in lines)
    return [Record(int(partition), int(time), key, value) for partition, time, key, value in rows]


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
