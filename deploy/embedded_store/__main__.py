"""`python -m deploy.embedded_store`: the store as a child process (see `schemas.child`)."""

from typing import Any

from deploy.embedded_store.server import serve
from deploy.embedded_store.settings import StoreSettings
from schemas.child import Child, run_child


async def main(child: Child, settings: dict[str, Any]) -> None:
    """Run the store with `settings` as the supervisor wrote them."""
    await serve(child, StoreSettings.model_validate(settings))


if __name__ == "__main__":
    run_child(main)
