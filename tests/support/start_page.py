"""The start page's address as `heliograph run` prints it, with the key that lets it sign links."""

import re

from tests.support.all_in_one import AllInOneProcess


def start_url(heliograph: AllInOneProcess) -> str:
    """Return the address that was printed last."""
    printed: list[str] = re.findall(r"try it +(\S+)", heliograph.output)
    return printed[-1]
