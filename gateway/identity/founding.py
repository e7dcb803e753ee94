"""The provider's own way in: a first key, one that remains, and another for whoever lost them all.

Each function is the inside of one transaction. Invariant: no act that a key may do leaves the provider without a
key by which others can be issued; where one expired or was lost, whoever runs the gateway makes another.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.errors import Conflict
from gateway.identity import store
from gateway.identity.callers import Role
from gateway.identity.keyring import Issued, Key
from gateway.identity.minting import act, detail, unsigned, write
from gateway.identity.organisations import PROVIDER, Organisation
from gateway.identity.peppers import Peppers
from gateway.identity.rights import LIFETIME_DEFAULT, Rights
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

_AT_ONCE = 500
"""Keys that are ended in one transaction."""

_LOST = "The pepper that signed it is lost."


def begin(connection: Connection, peppers: Peppers, moment: Moment) -> tuple[Issued | None, Sequence[Act]]:
    """The provider's organisation and its first key, on an installation where nobody was ever entered."""
    if not store.is_empty(connection):
        return None, []
    store.add_organisation(connection, Organisation(PROVIDER, "Provider", moment.latest, ""))
    created = Act(
        event=Event.ORGANISATION_CREATED,
        subject=PROVIDER,
        organisation=PROVIDER,
        touches=(Touch("organisation", PROVIDER),),
    )
    issued = _from_nobody(connection, peppers, moment)
    return issued, [created, act(Event.KEY_ISSUED, issued.key, detail(issued.key))]


def reissue(connection: Connection, peppers: Peppers, moment: Moment) -> tuple[Issued, Sequence[Act]]:
    """A provider's key from nobody: for whoever runs the installation and holds no other any more."""
    issued = _from_nobody(connection, peppers, moment)
    return issued, [act(Event.KEY_ISSUED, issued.key, {**detail(issued.key), "recovered": True})]


def end_unverified(connection: Connection, peppers: Peppers, moment: Moment) -> tuple[int, Sequence[Act]]:
    """End some of the keys that none of these peppers verifies, which nobody can use; how many, 0 once none is left."""
    keys = store.standing_under_others(connection, peppers.names, moment.latest, _AT_ONCE)
    for key in keys:
        store.end_key(connection, key.id, moment.latest, _LOST)
    return len(keys), [act(Event.KEY_REVOKED, key, {"cause": _LOST}) for key in keys]


def _from_nobody(connection: Connection, peppers: Peppers, moment: Moment) -> Issued:
    rights = Rights((Role.PROVIDER,), None, None, LIFETIME_DEFAULT)
    key = msgspec.structs.replace(unsigned(PROVIDER, rights, "", moment), is_break_glass=True)
    return write(connection, peppers, key)


def check_provider_remains(connection: Connection, ending: Key, moment: Moment) -> None:
    """Raise Conflict where the key that ends is the last by which the provider's keys can be issued."""
    if _administers(ending, moment) and not any(
        key.id != ending.id and _administers(key, moment)
        for key in store.standing_keys(connection, PROVIDER, moment.latest)
    ):
        raise Conflict(
            "This is the provider's last key: without it nobody could administer this gateway any more.",
            code="last_provider_key",
            next_step="Issue another with `gateway key issue --role provider`, and end this one with that. "
            "Where it is lost, whoever runs the gateway makes one with `gateway key recover`.",
        )


def _administers(key: Key, moment: Moment) -> bool:
    """Whether whoever holds it can issue the provider's keys, from anywhere at all."""
    return (
        Role.PROVIDER in key.roles
        and not key.is_client
        and key.revoked_at is None
        and moment.latest < key.expires_at
        and (key.scopes is None or "control" in key.scopes)
        and key.networks != ()
    )
