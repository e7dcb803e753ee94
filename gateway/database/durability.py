"""Whether what the database calls committed survives a loss of power."""

from sqlalchemy import Connection, text

from gateway.database.engine import Database
from gateway.errors import SettingsInvalid

_DEMANDED = {
    "sqlite": {"journal_mode": {"wal"}, "synchronous": {"2", "3"}},
    "postgresql": {"fsync": {"on"}, "synchronous_commit": {"on", "local", "remote_write", "remote_apply"}},
}

_NEXT_STEP = {
    "sqlite": "Put the database in a file on a local file system.",
    "postgresql": "Set it in postgresql.conf, or for the gateway's user, and start again.",
}


async def check_durability(database: Database) -> None:
    """Raise SettingsInvalid when a commit could be lost: the record would not be one."""
    demanded = _DEMANDED[database.dialect]
    found = await database.write(lambda connection: {name: _setting(connection, name) for name in demanded})
    for name, allowed in demanded.items():
        if found[name] not in allowed:
            raise SettingsInvalid(
                f"The database could lose what it has committed: {name} is {found[name]}.",
                next_step=_NEXT_STEP[database.dialect],
            )


def _setting(connection: Connection, name: str) -> str:
    command = "PRAGMA" if connection.dialect.name == "sqlite" else "SHOW"
    return str(connection.execute(text(f"{command} {name}")).scalar_one())
