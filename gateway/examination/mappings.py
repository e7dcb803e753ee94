"""Where the operator's mappings lead: nobody comes in under an organisation that was never entered."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from gateway.database.engine import open_database
from gateway.examination.findings import Finding, away
from gateway.identity.store import organisation_by_id


async def look_at_mappings(url: str, mapped: Mapping[str, Collection[str]]) -> list[Finding]:
    """A finding for each that maps to organisations that are not there; `mapped` has those of each by its name."""

    def absent(connection: Connection) -> set[str]:
        named = set().union(*mapped.values())
        return {name for name in named if organisation_by_id(connection, name) is None}

    database = open_database(url)
    try:
        lacking = await database.read(absent)
    except Exception:  # whatever a driver raises: what is wrong with the database is told of it
        return []
    finally:
        await database.close()
    return [_finding(part, sorted(lacking & set(named))) for part, named in mapped.items() if lacking & set(named)]


def _finding(part: str, lacking: list[str]) -> Finding:
    return away(
        f"{part}: mapping",
        f"It maps to {', '.join(f'`{name}`' for name in lacking)}, which is no organisation here: whom it maps there is"
        " refused.",
        f"Enter it, `gateway organisation create {lacking[0]}`, or mend its name in the file.",
    )
