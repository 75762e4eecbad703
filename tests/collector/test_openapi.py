"""The OpenAPI document: names all that an event may say, and a real worker answers as it says."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from collector import consent
from collector.routes import events, openapi
from schemas import hit
from tests.support.api import write_key
from tests.support.raw_http import get
from tests.support.worker_thread import WorkerThread

# Other seeds find what this one does not; this one is the same everywhere.
SEED = "1"
EXAMPLES = "150"


def test_an_event_has_all_parameters() -> None:
    members = openapi.document()["components"]["schemas"]["Event"]["properties"]
    assert {*hit.BY_PARAMETER, *events.MEMBERS, *consent.PARAMETERS, "p"} <= set(members)
    assert all(member["description"] for member in members.values())


def test_it_is_served(tmp_path: Path) -> None:
    with WorkerThread(tmp_path) as worker:
        answer = get(worker.port, openapi.PATH)
        assert orjson.loads(answer.body) == openapi.document()
        assert answer.header("content-type") == "application/json"


@pytest.mark.slow
def test_a_worker_answers_as_it_says(tmp_path: Path) -> None:
    """No 5xx, no status, type or body that the document has not, whatever is sent.

    One check is left out: an event that is wrong is told of in an answer of 200, not refused.
    """
    file, token = write_key(tmp_path)
    with WorkerThread(tmp_path, keys_file=file, api_events_per_second=0) as worker:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run",
                f"http://127.0.0.1:{worker.port}{openapi.PATH}",
                "--header", f"Authorization: Bearer {token}",
                "--checks", "all", "--exclude-checks", "negative_data_rejection",
                "--seed", SEED, "--max-examples", EXAMPLES,
                "--generation-database", "none", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(worker.lines()) > int(EXAMPLES)
