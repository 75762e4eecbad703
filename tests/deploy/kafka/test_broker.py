"""The broker that development and tests run: it starts, stops, comes back with what it had."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka import jars
from deploy.kafka.cluster import fixed_nodes, free_nodes
from deploy.kafka.properties import Security, server_properties
from tests.support import kafka as support


def rows(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_one_node_replicates_to_nobody() -> None:
    nodes = fixed_nodes(1, 9092)
    found = rows(server_properties(nodes[0], nodes, Path("/data")))
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert found["min.insync.replicas"] == found["default.replication.factor"] == "1"


def test_three_nodes_hold_everything_thrice_and_survive_one() -> None:
    nodes = fixed_nodes(3, 9092)
    found = rows(server_properties(nodes[2], nodes, Path("/data")))
    assert found["controller.quorum.voters"] == "1@127.0.0.1:9095,2@127.0.0.1:9096,3@127.0.0.1:9097"
    for topic in ("default", "offsets.topic", "transaction.state.log"):
        assert found[f"{topic}.replication.factor"] == "3"
    assert found["min.insync.replicas"] == found["transaction.state.log.min.isr"] == "2"


def test_security_adds_a_listener() -> None:
    nodes = free_nodes(1, secure=True)
    security = Security(Path("/key.pem"), "user", "secret")
    found = rows(server_properties(nodes[0], nodes, Path("/data"), security))
    assert f"SASL_SSL://{nodes[0].secure_address}" in found["listeners"]


def test_free_nodes_share_no_port() -> None:
    nodes = free_nodes(3, secure=True)
    ports = [port for node in nodes for port in (node.port, node.controller_port, node.secure_port)]
    assert len(set(ports)) == len(ports)


def test_a_machine_without_java_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(jars.KafkaUnavailable, match="apt-get install openjdk-17-jdk-headless"):
        jars.classpath()


def test_a_machine_without_maven_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "java").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(jars.KafkaUnavailable, match="mvn"):
        jars.classpath(tmp_path / "cache")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_missing_kafka_fails_only_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="install a JDK"):
        support.require_kafka()


@pytest.mark.kafka
def test_three_brokers_keep_a_record_when_one_is_killed(tmp_path: Path) -> None:
    with support.cluster(tmp_path, brokers=3) as cluster:
        first, *others = cluster.brokers
        create_topic(cluster.bootstrap, replicas=3)
        produce(cluster.bootstrap, b"before\n")
        first.kill()
        assert first.pid is None
        alive = ",".join(broker.node.address for broker in others)
        produce(alive, b"while one is gone\n")
        first.start()
        first.wait_until_ready()
        assert consume(cluster.bootstrap) == [b"before", b"while one is gone"]


@pytest.mark.kafka
def test_the_command_keeps_what_was_sent(tmp_path: Path) -> None:
    support.require_kafka()
    for sent in (b"first\n", b"second\n"):
        with running_command(tmp_path) as bootstrap:
            if sent == b"first\n":
                create_topic(bootstrap, replicas=1)
            produce(bootstrap, sent)
            found = consume(bootstrap)
    assert found == [b"first", b"second"]


@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        ({"KAFKA_BOOTSTRAP": "elsewhere:9092"}, 0, "elsewhere:9092"),
        ({"BROKERS": "2"}, 1, "1 or 3"),
        ({"KAFKA_PORT": "x"}, 1, "KAFKA_PORT is 'x'"),
    ],
)
def test_the_command_says_why_it_starts_nothing(
    tmp_path: Path, environment: dict[str, str], status: int, said: str
) -> None:
    with command(tmp_path, **environment) as process:
        output, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert said in output + errors


def command(folder: Path, **environment: str) -> subprocess.Popen[str]:
    kept = {name: text for name, text in os.environ.items() if name != "KAFKA_BOOTSTRAP"}
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.kafka"],
        env={**kept, "KAFKA_DATA": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_command(folder: Path) -> Iterator[str]:
    node = free_nodes(1)[0]
    with command(folder, KAFKA_PORT=str(node.port)) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if "ready" in line), "never ready")
        assert f"HELIOGRAPH_KAFKA_BOOTSTRAP={node.address}" in said
        yield node.address
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def create_topic(bootstrap: str, replicas: int) -> None:
    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic("lines", 1, replicas)])
        finally:
            await admin.close()

    asyncio.run(create())


def produce(bootstrap: str, lines: bytes) -> None:
    command = ["kcat", "-b", bootstrap, "-P", "-t", "lines", "-X", "acks=all"]
    subprocess.run(command, input=lines, check=True, timeout=60)


def consume(bootstrap: str) -> list[bytes]:
    return list(support.kcat(bootstrap, "-C", "-t", "lines", "-e"))
