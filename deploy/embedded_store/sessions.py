"""Sessions: connections that outlive a request, since a client named them with `session_id`.

A session has something to keep only once a statement changed its state (SET, USE, CREATE TEMPORARY
TABLE: what the engine's parser classes as CONTROL). Until then each of its requests gets a
connection of its own, as any other; so the clients that name a session in every request out of
habit cost nothing. Invariants: one request at a time uses a kept connection; a request's own
settings are taken back when it ends. Knows nothing of HTTP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.embedded_store.engine import Connection
from deploy.embedded_store.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, StoreError


@dataclass(slots=True)
class Session:
    """A kept connection; `expires_at` is on the clock of the event loop."""

    connection: Connection
    expires_at: float
    busy: bool = True


class Sessions:
    """The sessions of all clients by name."""

    def __init__(self, sessions_max: int) -> None:
        self._sessions_max = sessions_max
        self._by_id: dict[str, Session] = {}

    def take(self, session_id: str, now: float) -> Session | None:
        """Return the session for the use of one request, or None; raises StoreError if in use."""
        self._expire(now)
        session = self._by_id.get(session_id)
        if session is None:
            return None
        if session.busy:
            raise StoreError(
                SESSION_IS_LOCKED, f"Session {session_id} is locked by a concurrent client"
            )
        session.busy = True
        return session

    def keep(self, session_id: str, connection: Connection, now: float) -> Session:
        """Make `connection` the session of that name, in use until `give_back`."""
        self._expire(now)
        idle = [name for name, session in self._by_id.items() if not session.busy]
        if len(self._by_id) >= self._sessions_max and idle:
            self._by_id.pop(idle[0]).connection.close()
        session = Session(connection, now)
        self._by_id[session_id] = session
        return session

    def give_back(self, session: Session, expires_at: float) -> None:
        """End a request's use; the session lives on until `expires_at`."""
        session.busy = False
        session.expires_at = expires_at

    def close(self, session_id: str) -> None:
        """End the session, if there is one and nobody uses it."""
        session = self._by_id.get(session_id)
        if session is not None and not session.busy:
            self._by_id.pop(session_id).connection.close()

    def close_all(self) -> None:
        """End every session."""
        for session in self._by_id.values():
            session.connection.close()
        self._by_id.clear()

    def _expire(self, now: float) -> None:
        for session_id, session in list(self._by_id.items()):
            if not session.busy and session.expires_at <= now:
                self.close(session_id)


def missing(session_id: str) -> StoreError:
    """Return the error for `session_check=1` and a session that is not there."""
    return StoreError(SESSION_NOT_FOUND, f"Session {session_id} not found")


def settings_now(connection: Connection, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values of settings to put back later; None stands for the default. Blocks."""
    rows, _ = connection.run(b"SELECT name, value FROM system.settings WHERE changed FORMAT TSVRaw")
    changed = dict(row.split("\t", 1) for row in rows.decode().splitlines())
    return {name: changed.get(name) for name in names}


def put_back(connection: Connection, values: Mapping[str, str | None]) -> None:
    """Restore what `settings_now` returned. Blocks."""
    for name, value in values.items():
        if value is None:
            connection.run(f"SET {name} = DEFAULT".encode())
        else:
            connection.set({name: value})
