"""Heliograph's collector with one worker, as its command starts it: journal, cookie, consent on."""

import sys
from pathlib import Path

from bench.server import Launch, free_port

_COMMAND = Path(sys.executable).with_name("heliograph")


def missing() -> str:
    """Say what to install if the command is not there."""
    return "" if _COMMAND.exists() else "heliograph, into the environment this runs in"


def launch(folder: Path, port: int) -> Launch:
    """Say how to start it; the journal goes into the folder."""
    environment = {
        "HELIOGRAPH_COLLECTOR_PORT": str(port),
        "HELIOGRAPH_COLLECTOR_ADMIN_PORT": str(free_port()),
        "HELIOGRAPH_COLLECTOR_WORKERS": "1",
        "HELIOGRAPH_JOURNAL_PATH": str(folder / "journal"),
    }
    return Launch([str(_COMMAND), "collect"], environment)
