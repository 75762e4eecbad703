"""Whether the store has one of some hits already: asked where nothing else remembers."""

import uuid
from collections.abc import Sequence

import orjson

from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from schemas.delivery import SinkAway
from schemas.hit import received_at_of


async def any_kept(client: StoreClient, lines: Sequence[bytes]) -> bool:
    """Return whether table `hits` has one of these hits; lines that are no hits don't count.

    Raises SinkAway.
    """
    found = [hit for hit in map(_id_and_time, lines) if hit is not None]
    if not found:
        return False
    ids = ", ".join(f"'{hit_id}'" for hit_id, _ in found)
    times = sorted(time for _, time in found)
    try:
        answer = await client.execute(
            f"SELECT count() FROM hits WHERE id IN ({ids}) "  # noqa: S608 - a UUID and digits
            f"AND received_at >= toDateTime64({times[0]}, 3, 'UTC') "
            f"AND received_at <= toDateTime64({times[-1]}, 3, 'UTC')"
        )
    except StoreError as error:
        raise SinkAway(f"the store can't say which hits it has: {error}") from error
    return int(answer) > 0


def _id_and_time(line: bytes) -> tuple[uuid.UUID, str] | None:
    """Return a hit's id and its time received as a quoted text, None if it is no plain hit."""
    text = received_at_of(line)
    digits = text.translate(None, b"-T:.Z")
    if len(text) != 24 or not digits.isdigit():
        return None
    try:
        hit_id = uuid.UUID(orjson.loads(line)["id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return hit_id, f"'{text[:23].decode().replace('T', ' ')}'"
