"""A flame graph of the collector under load, ``make flame``: where Python and C spend their time.

py-spy samples the worker from outside, with the C frames; it is fetched into ``.cache/`` at first
use. ``--alone`` asks for one request per connection.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.peers import BY_NAME
from bench.rig import OURS, put, started

TOOLS = Path(__file__).parent.parent / ".cache" / "py-spy"
VERSION = "0.4.3"
SAMPLES_PER_SECOND = 500


def main() -> int:
    """Record one; print the name of the file."""
    parser = argparse.ArgumentParser(prog="bench.flame", description="Where the time goes.")
    parser.add_argument("--output", type=Path, default=Path("flame.svg"))
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--alone", action="store_true", help="one request per connection")
    given = parser.parse_args()
    _fetch()
    with (
        tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder,
        started(BY_NAME[OURS], Path(folder)) as server,
    ):
        command = [str(TOOLS / "bin" / "py-spy"), "record", "--native", "--output", given.output]
        limits = ["--duration", str(given.seconds), "--rate", str(SAMPLES_PER_SECOND)]
        spy = subprocess.Popen([*command, *limits, "--pid", str(server.pids[-1])])
        put(server, given.seconds + 2.0, keep_alive=not given.alone)
        code = spy.wait()
    if code == 0:
        print(given.output)
    return code


def _fetch() -> None:
    if (TOOLS / "bin" / "py-spy").exists():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(TOOLS), f"py-spy=={VERSION}"], check=True)


if __name__ == "__main__":
    sys.exit(main())
