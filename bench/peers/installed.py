"""Programs the peers need, installed into `.cache/peers` and nowhere else; nothing is committed.

Each function is safe to repeat: what is there already is not fetched again. Raises
`UnavailableError` with a sentence for the reader when a thing can't be had. Knows no peer.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.peers.unavailable import UnavailableError

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
INSTALL_SECONDS_MAX = 600.0


def debian(name: str, packages: Sequence[str]) -> Path:
    """Return a folder with the files of Debian packages, which need not be installed."""
    folder = CACHE / name
    if folder.exists():
        return folder
    advice = f"apt-get update && apt-get download {' '.join(packages)}"
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise UnavailableError(f"it is taken from Debian's packages ({', '.join(packages)})")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        command = ["apt-get", "-q", "download", *packages]
        try:
            _run(command, Path(temporary), advice)
        except UnavailableError:  # the lists may be old, or not there yet
            _run(["apt-get", "-q", "update"], Path(temporary), advice)
            _run(command, Path(temporary), advice)
        unpacked = Path(temporary) / "unpacked"
        for package in Path(temporary).glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(unpacked)], Path(temporary), advice)
        unpacked.rename(folder)
    return folder


def python() -> Path:
    """Return the interpreter of an environment with the peers' own libraries."""
    mark = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"python-{mark}"
    interpreter = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        advice = f"pip install -r {REQUIREMENTS.relative_to(ROOT)}"
        CACHE.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], CACHE, advice)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
        _run(pip, CACHE, advice)
        done.touch()
    return interpreter


def go(source: Path) -> Path:
    """Return the program built from one file of Go that needs the standard library alone."""
    mark = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    program = CACHE / f"{source.stem}-{mark}"
    if not program.exists():
        if not shutil.which("go"):
            raise UnavailableError("it is built by Go (Debian, Ubuntu: apt-get install golang-go)")
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["go", "build", "-o", str(program), str(source)]
        _run(command, CACHE, f"go build {source.relative_to(ROOT)}")
    return program


def _run(command: Sequence[str], folder: Path, advice: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"`{advice}` did not work: {error}") from error
    if done.returncode:
        last = (done.stdout.strip().splitlines() or [str(done.returncode)])[-1]
        raise UnavailableError(f"`{advice}` did not work: {last}")
