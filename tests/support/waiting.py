"""Waiting for a condition with a deadline, the one place where tests sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds_max: float = 15.0, what: str = "") -> T:
    """Return the first true value of `condition`; fail with `what` past the deadline."""
    deadline = time.monotonic() + seconds_max
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds_max:g} s: {what or condition}"
        time.sleep(0.01)
