"""Whose ledger it is, as the ledger itself says: named once, after the key that signs its checkpoints.

Checkpoints of one ledger under two names would look like a fork to whoever keeps them, and nobody could tell which of
the two to believe (checkpoint.py: one key signs one ledger). So no other key ever signs for it.
"""

from sqlalchemy import Connection

from gateway.clock import NEVER
from gateway.errors import SettingsInvalid
from gateway.ledger.acts import latest_by
from gateway.ledger.checkpoints.checkpoint import origin_of
from gateway.ledger.events import Event
from gateway.ledger.signing import SigningKey
from gateway.ledger.store import Act


def name_of(connection: Connection) -> str | None:
    """The name that the ledger has; None where it has none, which only a start before there were names has left so."""
    return latest_by(connection, NEVER, Event.LEDGER_NAMED)


def check_signs(connection: Connection, key: SigningKey) -> None:
    """Raise SettingsInvalid where the ledger has the name of another key."""
    name = name_of(connection)
    if name is not None and name != origin_of(key):
        raise SettingsInvalid(
            f"The signing key is not that of this ledger, which is {name}: it signs for {origin_of(key)}.",
            next_step="Put back the signing key that this database was used with, or name it with"
            " GATEWAY_SIGNING_KEY_FILE. With another it would be another history.",
        )


def naming(connection: Connection, key: SigningKey) -> list[Act]:
    """What is to be recorded so that the ledger has a name: nothing where it has. Raises as `check_signs` does."""
    check_signs(connection, key)
    return [] if name_of(connection) else [Act(event=Event.LEDGER_NAMED, subject=origin_of(key))]
