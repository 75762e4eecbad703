"""Log lines of several processes in one terminal: time, the process's name, the line.

Names are coloured where the terminal takes colour (and NO_COLOR is not set).
"""

import logging
import os
import time
from collections.abc import Sequence
from typing import Final, TextIO

_COLOURS: Final = (36, 32, 35, 34, 33, 96, 92, 95)


class LogPrinter:
    """Writes prefixed lines; names of equal width."""

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        self._stream = stream
        self._width = max(map(len, (*names, "heliograph")))
        coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        kinds = list(dict.fromkeys(name.partition(".")[0] for name in names))
        self._colours = (
            {kind: _COLOURS[at % len(_COLOURS)] for at, kind in enumerate(kinds)}
            if coloured
            else {}
        )

    def write(self, name: str, line: str) -> None:
        """Write one line of the process called `name`."""
        label = name.ljust(self._width)
        colour = self._colours.get(name.partition(".")[0])
        if colour:
            label = f"\x1b[{colour}m{label}\x1b[0m"
        print(f"{time.strftime('%H:%M:%S')} {label} {line}", file=self._stream, flush=True)

    def handler(self, name: str) -> logging.Handler:
        """Return a logging handler that writes in the same form."""
        printer = self

        class _Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                printer.write(name, f"{record.levelname} {record.getMessage()}")

        return _Handler()
