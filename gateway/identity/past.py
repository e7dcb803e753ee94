"""Who an organisation and its keys were by an instant: as they stand, without what was recorded since."""

import msgspec
from sqlalchemy import Connection

from gateway.clock import NEVER, Instant, instant_written
from gateway.identity import store
from gateway.identity.callers import Assertion
from gateway.identity.keyring import Key
from gateway.identity.organisations import Organisation
from gateway.ledger.acts import Recorded, acts_on, entry_of, recorded_after, subjects_after
from gateway.ledger.events import Event

_OF_A_KEY = (Event.KEY_ISSUED, Event.KEY_ROTATED, Event.KEY_REVOKED)


def organisation_by(connection: Connection, organisation: str, known: Instant | None) -> Organisation | None:
    """The organisation, if it had been entered; disabled only if it had been by then."""
    found = store.organisation_by_id(connection, organisation)
    if found is None or known is None:
        return found
    events = (Event.ORGANISATION_CREATED, Event.ORGANISATION_DISABLED)
    since = {act.event for act in recorded_after(connection, known, events, subject=organisation)}
    if Event.ORGANISATION_CREATED in since:
        return None
    if Event.ORGANISATION_DISABLED in since:
        return msgspec.structs.replace(found, disabled_at=None, disabled_cause=None)
    return found


def assertions_by(connection: Connection, organisation: str, known: Instant | None) -> tuple[Assertion, ...]:
    """Every assertion that had been recorded and not been withdrawn, in order of name and id."""
    if known is None:
        return store.assertions(connection, organisation)
    asserted = subjects_after(connection, known, Event.ATTRIBUTE_ASSERTED, organisation=organisation)
    withdrawn = subjects_after(connection, known, Event.ATTRIBUTE_WITHDRAWN, organisation=organisation)
    held = store.assertions(connection, organisation, withdrawn_too=withdrawn)
    return tuple(assertion for assertion in held if assertion.id not in asserted)


def key_by(connection: Connection, key_id: str, known: Instant | None) -> Key | None:
    """The key, if it had been issued; ended or shortened only if it had been by then."""
    key = store.key_by_id(connection, key_id)
    if key is None or known is None:
        return key
    acts = {act.event: act for act in acts_on(connection, key_id, _OF_A_KEY)}
    since = {event for event, act in acts.items() if act.at > known}
    if Event.KEY_ISSUED in since:
        return None
    ended_by = Event.KEY_REVOKED if Event.KEY_REVOKED in acts else Event.KEY_ROTATED
    if ended_by in since:
        key = msgspec.structs.replace(key, revoked_at=None, revoked_cause=None)
    if Event.KEY_ROTATED in since and Event.KEY_ISSUED in acts:
        # Rotating lets a key end earlier; until when it was issued stands in the ledger.
        key = msgspec.structs.replace(key, expires_at=_issued_until(connection, acts[Event.KEY_ISSUED]))
    return key


def _issued_until(connection: Connection, issued: Recorded) -> Instant:
    detail = entry_of(connection, issued).body.get("detail", {})
    return instant_written(detail["expires_at"]) if "expires_at" in detail else NEVER
