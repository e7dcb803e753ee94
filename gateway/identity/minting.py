"""A key made, written and told of: what every act that gives one out ends in."""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment, text_from
from gateway.identity import store
from gateway.identity.keyring import Issued, Key, SignedKey
from gateway.identity.keys import key_id_of, kind_of, mint
from gateway.identity.peppers import Peppers
from gateway.identity.rights import Rights
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

Detail = dict[str, str | int | bool | list[str]]
"""What an entry says of an act beside its subject."""


def unsigned(organisation: str, rights: Rights, issuer: str, moment: Moment) -> Key:
    """A key to be written, without the id that its token will give it."""
    return Key(
        id="",
        kind=kind_of(rights.roles),
        organisation=organisation,
        label="",
        roles=rights.roles,
        scopes=rights.scopes,
        networks=rights.networks,
        issued_at=moment.latest,
        issued_by=issuer,
        expires_at=moment.latest + rights.lifetime,
    )


def write(connection: Connection, peppers: Peppers, key: Key) -> Issued:
    """Write a key that nobody has seen, under the newest pepper."""
    token = mint(key.kind)
    key_id = key_id_of(token.reveal())
    assert key_id is not None, "what is minted is well formed"
    pepper, digest = peppers.sign(token.reveal())
    key = msgspec.structs.replace(key, id=key_id, pepper=pepper)
    store.add_key(connection, SignedKey(key, digest))
    return Issued(key, token)


def detail(key: Key) -> Detail:
    """What the ledger says of a key. A list that is absent does not narrow; an empty one gives nothing."""
    said: Detail = {
        "kind": key.kind,
        "roles": [str(role) for role in key.roles],
        "expires_at": text_from(key.expires_at),
    }
    if key.is_client:
        said["client"] = "client_secret" if key.public_keys is None else "private_key_jwt"
    if key.person is not None:
        said["person"] = key.person
    if key.rotated_from is not None:
        said["rotated_from"] = key.rotated_from
    if key.scopes is not None:
        said["scopes"] = list(key.scopes)
    if key.networks is not None:
        said["networks"] = list(key.networks)
    return said


def act(event: Event, key: Key, said: Detail) -> Act:
    """What the ledger says was done to a key, and that it is to be forgotten."""
    return Act(
        event=event,
        subject=key.id,
        organisation=key.organisation,
        key=key.id,
        detail=said,
        touches=(Touch("key", key.id),),
    )
