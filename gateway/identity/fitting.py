"""Whether the peppers at hand are those by which the keys of a database are verified."""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.errors import SettingsInvalid
from gateway.identity import store
from gateway.identity.peppers import Peppers

_NAMED = 3
"""Keys that are named, of those that would be refused."""


def check_fits(connection: Connection, peppers: Peppers, now: Instant) -> None:
    """Raise SettingsInvalid where a key that stands would be refused for want of the pepper that signed it."""
    if store.is_empty(connection):
        return
    by_pepper = store.standing_by_pepper(connection, now)
    missing = {pepper: count for pepper, count in by_pepper.items() if pepper not in peppers.names}
    if missing:
        some = store.standing_under_others(connection, peppers.names, now, _NAMED)
        named = ", ".join(key.id for key in some)
        raise SettingsInvalid(
            f"The peppers file lacks {_listed(missing)}, by which keys of this database were signed that stand:"
            f" {sum(missing.values())} of them, such as {named}. Each of them would be refused.",
            next_step="Put the line back that was taken out, or the file that this database was used with. To do"
            " without it, revoke those keys first: `gateway key list --json` tells the `pepper` of each. Where it is"
            " lost for good, `gateway key recover --lost-peppers` ends them.",
        )
    if not store.has_key_under(connection, peppers.names):
        raise SettingsInvalid(
            "The peppers file does not belong to this database: no key there was signed under any of its peppers.",
            next_step="Put the peppers file back that this database was used with. Where it is lost for good,"
            " `gateway key recover --lost-peppers` makes a provider's key under the one that is here.",
        )


class Use(msgspec.Struct, frozen=True):
    """One of the peppers at hand, and what it is for."""

    name: str
    standing: int
    """How many keys stand that it signed."""
    signs: bool
    waits: bool


def uses_of(connection: Connection, peppers: Peppers, now: Instant) -> list[Use]:
    """What each pepper at hand is for, oldest first."""
    standing = store.standing_by_pepper(connection, now)
    return [Use(name, standing.get(name, 0), name == peppers.signs, name in peppers.waiting) for name in peppers.names]


def _listed(missing: dict[str, int]) -> str:
    names = sorted(missing)
    return f"the pepper {names[0]}" if len(names) == 1 else f"the peppers {', '.join(names)}"
