"""A broker for the time of a scenario: one Apache Kafka on this machine, or the one that is named.

While it is there the environment names it, so peers started then find it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import processes
from bench.drive import FailedRunError
from bench.peers.bootstrap import BOOTSTRAP
from bench.shipper import kafka


@contextmanager
def broker(folder: Path, core: int) -> Iterator[str]:
    """Have a broker on a core if one can be had; yield where it is, empty if there is none."""
    if BOOTSTRAP in os.environ:
        yield os.environ[BOOTSTRAP]
        return
    with ExitStack() as stack:
        try:
            with processes.pinned(core):
                bootstrap = stack.enter_context(kafka(folder))
        except FailedRunError as error:
            sys.stderr.write(f"{error}\n")
            yield ""
            return
        os.environ[BOOTSTRAP] = bootstrap
        stack.callback(os.environ.pop, BOOTSTRAP)
        yield bootstrap
