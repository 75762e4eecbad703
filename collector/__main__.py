"""One collector worker under a supervisor: `python -m collector`, settings on stdin.

Settings: ``{"name": "w0", "collector": {…}, "journal": {…}, "files": {"sites": "…"}}``.
"""

from typing import Any

from collector.settings import CollectorSettings
from collector.worker import Worker
from schemas.child import Child, run_child
from schemas.journal.settings import JournalSettings


async def main(child: Child, settings: dict[str, Any]) -> None:
    """Run one worker."""
    await Worker(
        settings["name"],
        CollectorSettings.model_validate(settings["collector"]),
        JournalSettings.model_validate(settings["journal"]),
        child,
        settings["files"],
    ).run()


run_child(main)
