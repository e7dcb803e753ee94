"""Whether the secrets at hand are those that a database was used with, by what the database itself holds.

Asked before a start, and by `gateway doctor` in the same words. Others would be served without a complaint, and noticed
by those whose keys are refused, or by an auditor who keeps checkpoints.
"""

from gateway.database.engine import Database, database_now
from gateway.identity.fitting import Use, check_fits, uses_of
from gateway.identity.peppers import Peppers
from gateway.ledger.checkpoints.naming import check_signs
from gateway.ledger.signing import SigningKey

LOOKING_S = 60.0
"""Every key is looked at once, of what may be a million."""


async def check_peppers(database: Database, peppers: Peppers) -> None:
    """Raise SettingsInvalid where keys that stand would be refused."""
    await database.read(
        lambda connection: check_fits(connection, peppers, database_now(connection)), deadline_s=LOOKING_S
    )


async def check_signing_key(database: Database, key: SigningKey) -> None:
    """Raise SettingsInvalid where the ledger is signed by another."""
    await database.read(lambda connection: check_signs(connection, key))


async def uses_of_peppers(database: Database, peppers: Peppers) -> list[Use]:
    """What each pepper is for."""
    return await database.read(
        lambda connection: uses_of(connection, peppers, database_now(connection)), deadline_s=LOOKING_S
    )
