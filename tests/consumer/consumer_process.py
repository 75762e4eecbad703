"""The consumer as a supervised process, for tests that kill it."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumer.settings import ClickHouseSettings

ROOT = Path(__file__).parents[2]
STOP_SECONDS_MAX = 20


class ConsumerProcess:
    """Starts with its making; `statuses` grows while it lives."""

    def __init__(
        self,
        journal: Path,
        clickhouse: ClickHouseSettings,
        *,
        kafka: Mapping[str, Any] | None = None,
        **consumer: Any,
    ) -> None:
        """Read the topic of these settings if there are any, else the journals."""
        self.statuses: list[dict[str, Any]] = []
        self.log: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "consumer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        password = clickhouse.password.get_secret_value()
        settings: dict[str, dict[str, Any]] = {
            "journal": {"path": str(journal)},
            "consumer": {"retry_seconds_max": 0.2, "away_seconds_max": 0, **consumer},
            "clickhouse": {**clickhouse.model_dump(mode="json"), "password": password},
        }
        if kafka is not None:
            settings["kafka"] = dict(kafka)
            settings["consumer"]["source"] = "kafka"
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_log)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def metrics(self) -> dict[str, Any]:
        """The newest metrics; empty before the first."""
        return next((one["metrics"] for one in reversed(self.statuses) if one["metrics"]), {})

    @property
    def rows(self) -> int:
        """Hits this process has written."""
        return int(self.metrics.get("consumer_rows_total", 0))

    @property
    def problem(self) -> str:
        """The newest problem."""
        return str(self.statuses[-1]["problem"]) if self.statuses else ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def freeze(self) -> None:
        """Let the process stand still, its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def terminate(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        code = self._process.wait(STOP_SECONDS_MAX)
        for reader in self._readers:
            reader.join(STOP_SECONDS_MAX)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.statuses.extend(json.loads(row) for row in self._process.stdout)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        self.log.extend(self._process.stderr)
