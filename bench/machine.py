"""Where a result was measured: processor, kernel, versions, revision. Nothing that names a host."""

import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("uvloop", "httptools", "orjson", "aiohttp", "chdb-core")


@cache
def machine() -> dict[str, str | int]:
    """Return what a reader needs to judge the numbers."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "nginx": _nginx(),
        **{library: _version(library) for library in LIBRARIES},
    }


@cache
def commit() -> str:
    """Return the revision measured, with a + if the tree had changes; empty outside a checkout."""
    revision = _output("git", "rev-parse", "--short=10", "HEAD")
    return revision + ("+" if revision and _output("git", "status", "--porcelain", "-uno") else "")


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", file.read_text(), re.M) if file.exists() else None
    return found[1] if found else platform.machine()


def _nginx() -> str:
    return _output("/usr/sbin/nginx", "-v").rpartition("/")[2]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
