"""One broker as a process: format its storage, start it, stop it, kill it, freeze it.

`start` returns at once; `wait_until_ready` waits for the broker's own word that it serves. Its log
is a file in its folder. A broker does not outlive the thread that started it, however that ends
(prctl on Linux), so start it from the main one. Blocking calls throughout: tests and a foreground
command use it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from deploy.kafka.jars import KafkaUnavailable, classpath, java
from deploy.kafka.properties import Node, Security, server_properties

READY = "Kafka Server started"
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0
FORMAT_SECONDS_MAX = 60.0
POLL_SECONDS = 0.05
LOG_TAIL_BYTES = 4000
# For a laptop: little memory, and a collector and class loading that start quickly.
JVM_OPTIONS = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-Xshare:auto")
LOGGING = Path(__file__).with_name("log4j2.properties")
PR_SET_PDEATHSIG = 1


class Broker:
    """One node of a cluster."""

    def __init__(
        self,
        node: Node,
        nodes: Sequence[Node],
        folder: Path,
        security: Security | None = None,
        *,
        group: int | None = None,
    ) -> None:
        """Describe it; with `group`, a group id to run as, a firewall rule can name its packets."""
        self.node = node
        self.folder = folder
        self.log = folder / "broker.log"
        self._nodes = nodes
        self._security = security
        self._group = group
        self._properties = folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def pid(self) -> int | None:
        """Process id while the broker runs or is frozen, else None."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process else None

    def format(self, cluster_id: str) -> None:
        """Write the configuration, and make the storage if there is none yet. Raises as `start`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = (self.folder / "data").absolute()
        text = server_properties(self.node, self._nodes, data, self._security)
        self._properties.write_text(text)
        if (data / "meta.properties").exists():
            return
        command = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}"]
        command.append(f"--config={self._properties}")
        if self._security is not None:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                login = f"[name={self._security.user},password={self._security.password}]"
                command.append(f"--add-scram={mechanism}={login}")
        done = subprocess.run(
            [*_java("-XX:TieredStopAtLevel=1"), *command],
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise KafkaUnavailable(f"storage can't be formatted: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the process; it must have been formatted. Raises KafkaUnavailable without a JDK."""
        assert self.pid is None, "the broker runs already"
        command = [*_java(*JVM_OPTIONS), "kafka.Kafka", str(self._properties)]
        with self.log.open("ab") as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                start_new_session=True,
                group=self._group,
            )

    def wait_until_ready(self) -> None:
        """Block until the broker serves; raises KafkaUnavailable with its log if it does not."""
        assert self._process is not None
        deadline = monotonic() + READY_SECONDS_MAX
        while READY not in self._log_since_start():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_SECONDS)
                raise KafkaUnavailable(f"the broker stopped at once; its log ends:\n{self.tail()}")
            if monotonic() > deadline:
                raise KafkaUnavailable(f"the broker does not get ready; its log:\n{self.tail()}")

    def stop(self) -> None:
        """Stop the broker; by force if it takes too long or is frozen. Safe to repeat."""
        if self._process is None:
            return
        self._process.terminate()
        self.resume()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the broker as a power cut would, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop the process without ending it (SIGSTOP): its connections stay open and silent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def tail(self) -> str:
        """Return the end of the broker's log."""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def _log_since_start(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_offset)
            return log.read().decode(errors="replace")


def _java(*options: str) -> Sequence[str]:
    logging = f"-Dlog4j2.configurationFile={LOGGING}"
    return [java(), *options, logging, "-cp", classpath()]


def _die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        os._exit(1)
