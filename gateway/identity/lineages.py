"""Who may stand behind a key, as far as the records of issuing and rotating tell (docs/decisions/0010).

Keys of one chain of rotations are one person's, and so are all keys and sessions of somebody who signs in, however
often a list of people has entered them anew. Whoever issued or rotated a key has held its token.
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.errors import NotFound
from gateway.identity import store
from gateway.identity.keyring import Key
from gateway.identity.people.persons import is_person_id
from gateway.identity.people.store import party_of
from gateway.identity.tokens.mapping import WORKLOAD

GENERATIONS_MAX = 1000
"""More than were ever issued one by another; a chain without an end would be a fault in the records."""


class Lineage(msgspec.Struct, frozen=True):
    """A person, and those who had a hand in their keys."""

    person: str
    """Under which id the person was first known whose own the keys are; where nobody's own, the chain's first key."""
    issuers: tuple[str, ...]
    """Persons, sorted: who issued or rotated a key of the chain, and theirs, upwards."""
    founders: tuple[str, ...] = ()
    """Those of the issuers whose first key nobody issued: whoever runs the installation, who enters everybody else."""
    is_machine: bool = False
    """Whether it is a client or a workload: a program that acts by itself, whoever set it up."""
    since: Instant = 0
    """When the first key of the chain was issued; 0 for who signs in, who is there before any key of theirs."""


def lineage_of(connection: Connection, key_id: str) -> Lineage:
    """The lineage of a key. Raises NotFound where there is no such key, or its records have no beginning."""
    if key_id.startswith(WORKLOAD):
        # Nobody issued it: its operator's mapping knows it by what another issuer says.
        return Lineage(key_id, (), is_machine=True)
    person, is_machine, since, founders = "", False, 0, set[str]()
    met, ahead = dict[str, str](), [key_id]
    while ahead:
        following = ahead.pop()
        if is_person_id(following) or following.startswith(WORKLOAD):
            # Nobody issued them either: who signs in proves who they are.
            signed_in = party_of(connection, following) if is_person_id(following) else following
            person = person or signed_in
            met[following] = signed_in
            continue
        chain = _chain(connection, following)
        first = party_of(connection, chain[-1].person) if chain[-1].person else chain[-1].id
        if not met:
            person, is_machine = first, chain[0].is_client
            since = 0 if chain[-1].person else chain[-1].issued_at
        if not chain[-1].issued_by and not chain[-1].person:
            founders.add(first)
        if first in met and all(key.id in met for key in chain):
            continue
        met |= dict.fromkeys((key.id for key in chain), first)
        ahead += [key.issued_by for key in chain if key.issued_by and key.issued_by not in met]
    issuers = {first for first in met.values() if first != person}
    return Lineage(person, tuple(sorted(issuers)), tuple(sorted(issuers & founders)), is_machine, since)


def known_lineage(connection: Connection, key_id: str) -> Lineage:
    """The lineage of a key; the key alone where nothing is known of it."""
    try:
        return lineage_of(connection, key_id)
    except NotFound:
        return Lineage(key_id, ())


def _chain(connection: Connection, key_id: str) -> list[Key]:
    """A key and those it was rotated from, back to the first."""
    chain: list[Key] = []
    following: str | None = key_id
    while following is not None:
        key = store.key_by_id(connection, following)
        if key is None or len(chain) >= GENERATIONS_MAX:
            raise NotFound("A key that this depends on is not there.")
        chain.append(key)
        following = key.rotated_from
    return chain
