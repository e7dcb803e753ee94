"""Whether the secrets here are those of the database: told as a start would tell it, with what each pepper is for."""

from collections.abc import Iterable

from gateway.belonging import check_peppers, check_signing_key, uses_of_peppers
from gateway.database.engine import Database, open_database
from gateway.errors import GatewayError
from gateway.examination.findings import Finding, State, amiss, well, wrong
from gateway.identity.fitting import Use
from gateway.identity.peppers import open_peppers
from gateway.ledger.signing import open_signing_key
from gateway.settings import Settings


async def look_at_belonging(settings: Settings, found: Iterable[Finding]) -> list[Finding]:
    """The findings on files, where those that can be read are held against a database in use."""
    database = open_database(settings.database)
    looks = {"peppers": _peppers, "signing key": _signing_key}
    try:
        return [
            await looks[finding.part](settings, database) if _is_held(finding, looks) else finding for finding in found
        ]
    finally:
        await database.close()


def _is_held(finding: Finding, parts: Iterable[str]) -> bool:
    return finding.part in parts and finding.state is State.WELL


async def _peppers(settings: Settings, database: Database) -> Finding:
    path = settings.peppers_path
    try:
        peppers = open_peppers(path)
        await check_peppers(database, peppers)
        uses = await uses_of_peppers(database, peppers)
    except GatewayError as error:
        return amiss("peppers", error)
    except Exception as error:  # whatever a driver raises
        return wrong("peppers", f"The keys cannot be looked at: {type(error).__name__}.", "Look at the database.")
    said = f"{path} is closed to others, and fits every key that stands."
    if len(uses) > 1:
        said += " " + " ".join(map(_said, uses))
    return well("peppers", said)


def _said(use: Use) -> str:
    if use.signs:
        return f"{use.name} signs."
    if use.waits:
        return f"{use.name} is read, and waits to sign."
    if use.standing:
        return f"{use.name} signed {use.standing} that stand."
    return f"{use.name} signed none that stands: its line may go."


async def _signing_key(settings: Settings, database: Database) -> Finding:
    path = settings.signing_key_path
    try:
        await check_signing_key(database, open_signing_key(path))
    except GatewayError as error:
        return amiss("signing key", error)
    except Exception as error:  # whatever a driver raises
        return wrong("signing key", f"The ledger cannot be read: {type(error).__name__}.", "Look at the database.")
    return well("signing key", f"{path} is closed to others, and is that of this ledger.")
