"""A progress bar on a terminal; plain lines now and then where there is none, so logs stay short.

Knows nothing of what is counted.
"""

from collections.abc import Callable
from typing import Final, TextIO

WIDTH: Final = 30
BAR_SECONDS: Final = 0.1
LINE_SECONDS: Final = 10.0


class Progress:
    """Shows how much of `total` is done; without a total, how much and how fast."""

    def __init__(
        self, stream: TextIO, what: str, total: int, monotonic: Callable[[], float]
    ) -> None:
        self._stream = stream
        self._what = what
        self._total = total
        self._monotonic = monotonic
        self._is_terminal = stream.isatty()
        self._began = self._shown = monotonic()
        self._done = 0

    def add(self, count: int) -> None:
        """Count what was done, and show it if enough time has passed."""
        self._done += count
        wait = BAR_SECONDS if self._is_terminal else LINE_SECONDS
        if self._monotonic() - self._shown >= wait:
            self._show()

    def close(self) -> None:
        """Show the end, and leave the line."""
        self._show()
        if self._is_terminal:
            print(file=self._stream, flush=True)

    def _show(self) -> None:
        self._shown = self._monotonic()
        start, end = ("\r", "\x1b[K") if self._is_terminal else ("", "\n")
        print(start + self.text(), end=end, file=self._stream, flush=True)

    def text(self) -> str:
        """Return the bar, or what stands in its place, without anything of terminals."""
        seconds = max(self._monotonic() - self._began, 1e-9)
        speed = f"{self._done:,} {self._what}, {self._done / seconds:,.0f}/s"
        if not self._total:
            return speed
        share = min(self._done / self._total, 1)
        left = (self._total - self._done) * seconds / self._done if self._done else 0
        bar = "█" * round(share * WIDTH)
        return f"{bar:░<{WIDTH}} {share:4.0%} {speed}, {_time(left)} left"


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
