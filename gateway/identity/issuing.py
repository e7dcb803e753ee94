"""Keys issued, rotated and revoked: each function is the inside of one transaction, with its acts.

Invariant: no key is wider than the one that issued it, and none is wider than the one it succeeds.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.clock import DAY, Moment, text_from
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from gateway.identity import store
from gateway.identity.callers import ABROAD, OVERSIGHT, AccessToken, Caller, Role
from gateway.identity.founding import check_provider_remains
from gateway.identity.keyring import OVERLAP_MAX, Issued, Key, KeyOrder, Rotation, revoked
from gateway.identity.minting import act, detail, unsigned, write
from gateway.identity.organisations import PROVIDER, Organisation, checked_text
from gateway.identity.people import store as people
from gateway.identity.peppers import Peppers
from gateway.identity.rights import (
    LIFETIME_DEFAULT,
    LIFETIME_MAX,
    Rights,
    beyond,
    sorted_roles,
    valid_networks,
    valid_scopes,
)
from gateway.identity.tokens.store import is_revoked
from gateway.ledger.events import Event
from gateway.ledger.store import Act

T = TypeVar("T")


class Asking(NamedTuple):
    """Inside one transaction: who asks, and when.

    The key is read again there: what it may do is what is written now, never what was known when
    the request came in.
    """

    connection: Connection
    key: Key
    """Narrowed to what the token may, where one was presented."""
    moment: Moment
    token: AccessToken | None = None
    person: str = ""
    """Who asks, where it is somebody that signs in."""


Work = Callable[[Asking], tuple[T, Sequence[Act]]]
"""The inside of a transaction: what it answers, and what the ledger is to say of it."""

Withdraw = Callable[[Connection, Sequence[str], str, Moment, Collection[str]], list[Act]]
"""Takes back what somebody known by any of these ids has agreed to and is not done yet, but in these roles."""


def nothing_agreed(*_: object) -> list[Act]:
    """Where nobody agrees to anything, there is nothing to take back."""
    return []


def asking(connection: Connection, actor: Caller, moment: Moment) -> Asking:
    """The key that asks, as it stands in this transaction. Raises Unauthenticated when it no longer does."""
    token = actor.token
    if token is not None and is_revoked(connection, token.id):
        raise Unauthenticated
    if actor.session:
        key = _in_session(connection, actor, moment)
    elif token is not None and token.workload is not None:
        key = _of_workload(actor, token)
    elif (found := store.key_by_id(connection, actor.key)) is not None:
        key = found
    else:
        raise Unauthenticated
    key.check_stands(moment)
    if token is not None and not (actor.session and actor.in_scope("control")):
        key = msgspec.structs.replace(key, scopes=token.scopes)
    organisation = store.organisation_by_id(connection, key.organisation)
    if organisation is None or organisation.disabled_at is not None:
        raise revoked()
    return Asking(connection, key, moment, token, key.person or "")


def _of_workload(actor: Caller, token: AccessToken) -> Key:
    """What stands in a key's place for a caller that has none: as the operator's mapping has it."""
    return Key(
        id=actor.key,
        kind="",
        organisation=actor.organisation,
        label="",
        roles=actor.roles,
        scopes=token.scopes,
        networks=None,
        issued_at=token.issued_at,
        issued_by="",
        expires_at=token.expires_at,
    )


def _in_session(connection: Connection, actor: Caller, moment: Moment) -> Key:
    """What stands in a key's place for a person who signed in: all their roles, and every scope.

    What they issue may live as long as keys do by default: it ends with them.
    """
    session = people.session_by_id(connection, actor.session)
    person = None if session is None else people.person_by_id(connection, session.person)
    if session is None or person is None or person.id != actor.person:
        raise Unauthenticated
    session.check_stands(moment, actor.expires_at)  # its idle end is watched where it is used, and not written at once
    person.check_stands()
    return Key(
        id=person.id,
        kind="",
        organisation=person.organisation,
        label="",
        roles=session.roles,
        scopes=None,
        networks=None,
        issued_at=moment.latest,
        issued_by="",
        expires_at=moment.latest + LIFETIME_DEFAULT,
        person=person.id,
    )


def _check_by_key(asks: Asking) -> None:
    """What lives for minutes makes nothing that lives for months, but for a person's own, which ends with them."""
    if asks.token is not None and not asks.person:
        raise Forbidden(
            "An access token issues and rotates no keys.",
            code="token_cannot_issue",
            next_step="Do it with a key.",
        )


def issue(asks: Asking, peppers: Peppers, order: KeyOrder) -> tuple[Issued, Sequence[Act]]:
    """A new key, no wider than the one that issues it."""
    _check_by_key(asks)
    organisation = order.organisation or asks.key.organisation
    may_give = _may_give(asks.key, organisation)
    _check_open(store.organisation_by_id(asks.connection, organisation))
    lifetime = min(LIFETIME_DEFAULT, may_give.lifetime) if order.lifetime is None else order.lifetime
    rights = Rights(
        sorted_roles(order.roles), valid_scopes(order.scopes), valid_networks(order.networks), _lifetime(lifetime)
    )
    _check_within(rights, may_give, "the key that issues it")
    _check_holdable(rights.roles, organisation)
    if order.is_client and Role.APPROVER in rights.roles:
        raise Forbidden(
            "A client is a machine, and people approve.",
            code="role_not_for_clients",
            next_step="Issue a key with the role approver to a person.",
        )
    key = unsigned(organisation, rights, asks.key.id, asks.moment)
    label = checked_text(order.label, "label", empty=True)
    key = msgspec.structs.replace(key, label=label, is_client=order.is_client, public_keys=order.public_keys)
    if not order.is_client and organisation == asks.key.organisation and asks.person:
        key = msgspec.structs.replace(key, person=asks.person)  # who leaves leaves none behind; a client stays
    issued = write(asks.connection, peppers, key)
    return issued, [act(Event.KEY_ISSUED, issued.key, detail(issued.key))]


def rotate(asks: Asking, peppers: Peppers, key_id: str, rotation: Rotation) -> tuple[Issued, Sequence[Act]]:
    """A successor no wider than the key it succeeds, which goes on for the overlap and no longer than it would have."""
    _check_by_key(asks)
    connection, moment = asks.connection, asks.moment
    old = seen(store.key_by_id(connection, key_id), asks.key.organisation, asks.key.roles)
    if old.id != asks.key.id:
        _check_within(old.rights, _may_give(asks.key, old.organisation), "the key that rotates it")
    if not 0 <= rotation.overlap <= OVERLAP_MAX:
        raise Invalid("Both keys can be valid together for at most 7 days.", param="overlap")
    if old.revoked_at is not None or moment.latest >= old.expires_at:
        raise Conflict("This key has ended: issue a new one.")
    if (heir := store.successor(connection, old)) is not None:
        raise Conflict(f"This key was rotated before: `{heir}` succeeds it.")
    if old.public_keys is not None:
        raise Conflict(
            "This client signs with keys of its own, and has no secret to be rotated.",
            next_step="Put its new keys beside the old with `gateway client keys`.",
        )
    rights = _succeeding(old, rotation)
    _check_within(rights, old.rights, "the key it succeeds")
    successor = unsigned(old.organisation, rights, asks.key.id, moment)
    successor = msgspec.structs.replace(
        successor,
        label=old.label,
        rotated_from=old.id,
        is_client=old.is_client,
        person=old.person,
        is_break_glass=old.is_break_glass,
    )
    issued = write(connection, peppers, successor)
    check_provider_remains(connection, old, moment)
    ends_at = min(old.expires_at, moment.latest + rotation.overlap)
    if rotation.overlap == 0:
        store.end_key(connection, old.id, moment.latest, "rotated")
    else:
        store.shorten_key(connection, old.id, ends_at)
    return issued, [
        act(Event.KEY_ROTATED, old, {"successor": issued.key.id, "ends_at": text_from(ends_at)}),
        act(Event.KEY_ISSUED, issued.key, detail(issued.key)),
    ]


def revoke(asks: Asking, key_id: str, cause: str, withdraw: Withdraw) -> tuple[Key, Sequence[Act]]:
    """End a key at once, and take back what was agreed to by it: it may have been in another's hands.

    Whoever could have issued it may; so may the key itself. Revoking again changes nothing.
    """
    key = seen(store.key_by_id(asks.connection, key_id), asks.key.organisation, asks.key.roles)
    if key.id != asks.key.id and not set(key.roles) <= set(_may_give(asks.key, key.organisation).roles):
        raise Forbidden("Only a provider's key may end this one.")
    checked_text(cause, "cause")
    if key.revoked_at is not None:
        return key, []
    check_provider_remains(asks.connection, key, asks.moment)
    store.end_key(asks.connection, key.id, asks.moment.latest, cause)
    withdrawn = withdraw(asks.connection, [key.id], cause, asks.moment, ())
    key = msgspec.structs.replace(key, revoked_at=asks.moment.latest, revoked_cause=cause)
    return key, [act(Event.KEY_REVOKED, key, {"cause": cause}), *withdrawn]


def seen(key: Key | None, organisation: str, roles: Sequence[Role]) -> Key:
    """The key, for those who may know of it: its own organisation and oversight. Raises NotFound for all others."""
    if key is None or (key.organisation != organisation and not any(role in OVERSIGHT for role in roles)):
        raise NotFound
    return key


def _may_give(issuer: Key, organisation: str) -> Rights:
    """The widest rights a key may give in an organisation. Raises Forbidden or NotFound where it may give none."""
    own = issuer.organisation == organisation
    if Role.PROVIDER in issuer.roles:
        # An allow-list binds the provider's own people; where customers call from is theirs to say.
        return Rights(tuple(Role), issuer.scopes, issuer.networks if own else None, LIFETIME_MAX)
    if not own and not any(role in OVERSIGHT for role in issuer.roles):
        raise NotFound
    if not own or Role.DEVELOPER not in issuer.roles:
        raise Forbidden("Only a provider's key may do this to other keys, or a developer's in its own organisation.")
    return Rights((Role.DEVELOPER,), issuer.scopes, issuer.networks, issuer.rights.lifetime)


def _check_within(rights: Rights, limit: Rights, whose: str) -> None:
    wide = beyond(rights, limit)
    if wide:
        raise Forbidden(
            f"The key would be wider than {whose}: {', '.join(wide)}.",
            code="key_too_wide",
            next_step="Ask for less, or have a key issued by one that may give it.",
        )


def _check_holdable(roles: Sequence[Role], organisation: str) -> None:
    """Raise Forbidden where a customer's key would have a role of the provider's own people."""
    inner = [role for role in roles if role not in ABROAD]
    if inner and organisation != PROVIDER:
        raise Forbidden(
            f"Only keys of the provider's own organisation have the role {' or '.join(inner)}.",
            code="role_not_for_customers",
            next_step=f"Issue the key to `{PROVIDER}`, or with the role {' or '.join(ABROAD)}.",
        )


def _succeeding(old: Key, rotation: Rotation) -> Rights:
    return Rights(
        old.roles,
        old.scopes if rotation.scopes is msgspec.UNSET else valid_scopes(rotation.scopes),
        old.networks if rotation.networks is msgspec.UNSET else valid_networks(rotation.networks),
        old.rights.lifetime,
    )


def _check_open(organisation: Organisation | None) -> None:
    if organisation is None:
        raise NotFound("There is no such organisation.")
    if organisation.disabled_at is not None:
        raise Conflict("This organisation is disabled.")


def _lifetime(lifetime: int) -> int:
    if not 0 < lifetime <= LIFETIME_MAX:
        raise Invalid(f"A key lives at most {LIFETIME_MAX // DAY} days.", param="lifetime")
    return lifetime
