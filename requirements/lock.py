"""Writes the pinned requirements from pyproject.toml: exact versions, hashes, no host named."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = {"run.txt": "build", "dev.txt": "dev"}


def main() -> None:
    """Write each file; for every platform, from Python 3.11 on."""
    for name, group in FILES.items():
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--upgrade", "--quiet",
            "--extra", "embedded", "--group", group, "--generate-hashes", "--no-annotate",
            "--no-emit-index-url", "--no-emit-find-links", "--universal",
            "--python-version", "3.11", "--custom-compile-command", "make lock",
            "--output-file", f"requirements/{name}",
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
