"""Go's net/http doing `bench.apps.job` (`bench/apps/plain.go`), built here where there is a Go.

One CPU (GOMAXPROCS=1), as all have one core; a line is appended before the answer, as by us.
"""

from pathlib import Path

from bench.peers import installed
from bench.server import Launch

_SOURCE = Path(__file__).parent.parent / "apps" / "plain.go"


def prepare() -> None:
    """Build it; raises UnavailableError."""
    installed.go(_SOURCE)


def launch(folder: Path, port: int) -> Launch:
    """Start it with the hits in the folder."""
    program = installed.go(_SOURCE)
    return Launch([str(program), str(port), str(folder)], {"GOMAXPROCS": "1"})
