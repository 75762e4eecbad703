"""A child for tests of the supervisor: does as its settings say, by the contract or against it.

``{"say": [...], "exit": code, "deaf": true, "garbage": true, "problem": "…"}``
"""

import asyncio
import logging
import os
import signal
import sys
from typing import Any

from schemas.child import Child, Status, run_child

log = logging.getLogger("unruly")


async def main(child: Child, settings: dict[str, Any]) -> None:
    """Behave as told, until the end or an exit of its own."""
    if settings.get("garbage"):
        os.write(sys.stdout.fileno(), b"this is no status\n{}{}\n\xff\n" + b"[1]\n")
        os.write(sys.stderr.fileno(), b"x" * 2_000_000 + b"\n")
    problem, metrics = settings.get("problem", ""), {"unruly_total": 5}
    child.on_hangup = lambda: child.report(Status(problem, metrics, "hung up"))
    child.report(Status(problem, metrics))
    for text in settings.get("say", ()):
        log.info(text)
    if "exit" in settings:
        os._exit(settings["exit"])
    if settings.get("deaf"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
        await asyncio.Event().wait()
    await child.stop.wait()
    log.info("last words of %s", settings["name"])


if __name__ == "__main__":
    run_child(main)
