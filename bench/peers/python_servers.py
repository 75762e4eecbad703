"""How Starlette on uvicorn and Granian are started; both live in an environment of their own."""

from pathlib import Path

from bench.peers import installed
from bench.server import Launch


def prepare() -> None:
    """Install them; raises UnavailableError."""
    installed.python()


def uvicorn(folder: Path, port: int) -> Launch:
    """Start Starlette on uvicorn."""
    return _launch(
        folder, "uvicorn", "bench.apps.starlette_app:app", "--host", "127.0.0.1",
        "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning", "--backlog", "4096",
    )  # fmt: skip


def granian(folder: Path, port: int) -> Launch:
    """Start Granian."""
    return _launch(
        folder, "granian", "bench.apps.granian_app:app", "--interface", "rsgi",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--loop", "uvloop",
        "--runtime-mode", "st", "--backlog", "4096", "--no-access-log", "--log-level", "warning",
    )  # fmt: skip


def _launch(folder: Path, module: str, *arguments: str) -> Launch:
    # The folder is new for each start, and the repository is where `bench` is found.
    environment = {"HITS_FOLDER": str(folder), "PYTHONPATH": str(installed.ROOT)}
    return Launch([str(installed.python()), "-m", module, *arguments], environment)
