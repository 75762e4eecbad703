"""`python -m deploy.embedded_store`: the store as a child process (see `schemas.child`)."""

import logging
import sys
from typing import Any

from deploy.embedded_store.engine import StartError
from deploy.embedded_store.server import serve
from deploy.embedded_store.settings import StoreSettings
from schemas.child import Child, run_child

log = logging.getLogger(__name__)


async def main(child: Child, settings: dict[str, Any]) -> None:
    """Run the store with `settings` as the supervisor wrote them."""
    try:
        await serve(child, StoreSettings.model_validate(settings))
    except StartError as error:
        log.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    run_child(main)
