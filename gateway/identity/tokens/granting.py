"""Tokens granted and revoked, a client's public keys exchanged: each the inside of one transaction, with its acts."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant, Moment, text_from
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from gateway.identity import store as keys
from gateway.identity.callers import Role
from gateway.identity.issuing import Asking, seen
from gateway.identity.keyring import Key, revoked
from gateway.identity.minting import act
from gateway.identity.organisations import checked_text
from gateway.identity.rights import beyond, valid_scopes
from gateway.identity.tokens import store
from gateway.identity.tokens.own import PREFIX
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

EVERYTHING = ("control", "inference", "weights")
"""The scopes of a token for a client that is not narrowed: named, so that no token means everything by silence."""


class Proof(msgspec.Struct, frozen=True):
    """An assertion that a client proved itself with, which nobody may use again."""

    id: str
    expires_at: Instant


class Wanted(msgspec.Struct, frozen=True):
    """A token that a client asks for."""

    client: str
    scopes: tuple[str, ...] | None
    """None: all that the client holds."""
    number: str
    lifetime: int
    proof: Proof | None


def grant(connection: Connection, wanted: Wanted, moment: Moment) -> tuple[tuple[str, ...], Sequence[Act]]:
    """The scopes of a token for this client, as it stands in this transaction."""
    key = _client(connection, wanted.client, moment)
    _take(connection, wanted.proof, moment)
    scopes = valid_scopes(wanted.scopes) or (EVERYTHING if key.scopes is None else key.scopes)
    wide = beyond(msgspec.structs.replace(key.rights, scopes=scopes), key.rights)
    if wide or not scopes:
        raise Invalid(f"The token would be wider than its client: {', '.join(wide) or 'no scope'}.", param="scope")
    granted = Act(
        event=Event.TOKEN_ISSUED,
        subject=PREFIX + wanted.number,
        organisation=key.organisation,
        key=key.id,
        detail={"scopes": list(scopes), "expires_at": text_from(moment.earliest + wanted.lifetime)},
    )
    return scopes, [granted]


def revoke_own(
    connection: Connection, client: str, revocation: store.Revocation, proof: Proof | None, moment: Moment
) -> tuple[None, Sequence[Act]]:
    """End a token before its time, by the client that it was issued to (RFC 7009)."""
    key = _client(connection, client, moment)
    _take(connection, proof, moment)
    return None, _revoked(connection, revocation, key.organisation, key.id, "revoked by its client")


def revoke(asks: Asking, revocation: store.Revocation, cause: str) -> tuple[None, Sequence[Act]]:
    """End a token before its time, whoever issued it: for the provider, who knows its id from the ledger."""
    if Role.PROVIDER not in asks.key.roles:
        raise Forbidden("Only a provider's key may do this.")
    checked_text(cause, "cause")
    return None, _revoked(asks.connection, revocation, "", "", cause)


def exchange_keys(asks: Asking, client: str, public_keys: bytes) -> tuple[Key, Sequence[Act]]:
    """Let a client prove itself by other keys from now on. Tokens that it holds go on."""
    key = seen(keys.key_by_id(asks.connection, client), asks.key.organisation, asks.key.roles)
    if asks.token is not None or not (key.organisation == asks.key.organisation or Role.PROVIDER in asks.key.roles):
        raise Forbidden("Only a key of the client's own organisation, or a provider's, may do this.")
    if not set(key.roles) <= set(asks.key.roles) and Role.PROVIDER not in asks.key.roles:
        raise Forbidden("The client may do more than the key that would exchange its keys.")
    if not key.is_client or key.public_keys is None:
        raise NotFound("There is no such client that proves itself by keys.")
    if key.revoked_at is not None:
        raise Conflict("This client has ended: make a new one.")
    keys.exchange_public_keys(asks.connection, client, public_keys)
    return key, [act(Event.KEY_ROTATED, key, {"client": "private_key_jwt"})]


def _client(connection: Connection, client: str, moment: Moment) -> Key:
    key = keys.key_by_id(connection, client)
    if key is None or not key.is_client:
        raise Unauthenticated
    key.check_stands(moment)
    organisation = keys.organisation_by_id(connection, key.organisation)
    if organisation is None or organisation.disabled_at is not None:
        raise revoked()
    return key


def _take(connection: Connection, proof: Proof | None, moment: Moment) -> None:
    if proof is not None and not store.use_assertion(connection, proof.id, proof.expires_at, moment.latest):
        raise Unauthenticated("This assertion was used before.", next_step="Sign a new one for every request.")


def _revoked(
    connection: Connection, revocation: store.Revocation, organisation: str, key: str, cause: str
) -> list[Act]:
    if store.is_revoked(connection, revocation.id):
        return []
    store.add_revocation(connection, revocation)
    return [
        Act(
            event=Event.TOKEN_REVOKED,
            subject=revocation.id,
            organisation=organisation,
            key=key,
            detail={"cause": cause},
            touches=(Touch("token", revocation.id),),
        )
    ]
