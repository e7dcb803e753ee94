"""Organisations created and disabled, attributes asserted and withdrawn: each the inside of one transaction."""

import secrets
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import NEVER, text_from
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.identity import store
from gateway.identity.attributes import Claim, check_claim
from gateway.identity.callers import Assertion, Role
from gateway.identity.issuing import Asking
from gateway.identity.minting import Detail
from gateway.identity.organisations import Organisation, checked_id, checked_text
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch


def create(asks: Asking, organisation: str, name: str) -> tuple[Organisation, Sequence[Act]]:
    """A new customer."""
    _check_provider(asks)
    created = Organisation(checked_id(organisation), checked_text(name, "name"), asks.moment.latest, asks.key.id)
    if store.organisation_by_id(asks.connection, organisation) is not None:
        raise Conflict(
            f"There is an organisation `{organisation}` already.",
            next_step=f"See `gateway organisation show {organisation}`, or take another id.",
        )
    store.add_organisation(asks.connection, created)
    return created, [_act(Event.ORGANISATION_CREATED, organisation, organisation, {})]


def disable(asks: Asking, organisation: str, cause: str) -> tuple[Organisation, Sequence[Act]]:
    """End every key of an organisation at once. Disabling it again changes nothing."""
    _check_provider(asks)
    found = _existing(asks.connection, organisation)
    checked_text(cause, "cause")
    if organisation == asks.key.organisation:
        raise Conflict("Nobody can disable their own organisation.")
    if found.disabled_at is not None:
        return found, []
    store.end_organisation(asks.connection, organisation, asks.moment.latest, cause)
    disabled = msgspec.structs.replace(found, disabled_at=asks.moment.latest, disabled_cause=cause)
    return disabled, [_act(Event.ORGANISATION_DISABLED, organisation, organisation, {"cause": cause})]


def assert_attribute(asks: Asking, organisation: str, claim: Claim) -> tuple[Assertion, Sequence[Act]]:
    """A fact about an organisation. Its value stays out of the ledger: what is written there cannot be erased."""
    _check_provider(asks)
    _existing(asks.connection, organisation)
    check_claim(claim, asks.moment)
    assertion = Assertion(
        id=f"assertion_{secrets.token_hex(12)}",
        name=claim.name,
        value=claim.value,
        issuer=claim.issuer,
        assurance=claim.assurance,
        asserted_at=asks.moment.latest if claim.asserted_at is None else claim.asserted_at,
        expires_at=claim.expires_at,
    )
    store.add_assertion(asks.connection, organisation, assertion, asks.key.id)
    return assertion, [_act(Event.ATTRIBUTE_ASSERTED, assertion.id, organisation, _detail(assertion))]


def withdraw_attribute(
    asks: Asking, organisation: str, assertion_id: str, cause: str
) -> tuple[Assertion, Sequence[Act]]:
    """Let an assertion stand no more."""
    _check_provider(asks)
    checked_text(cause, "cause")
    held = {assertion.id: assertion for assertion in store.assertions(asks.connection, organisation)}
    assertion = held.get(assertion_id)
    if assertion is None:
        raise NotFound
    store.withdraw_assertion(asks.connection, assertion_id, asks.moment.latest, cause)
    detail: Detail = {"name": assertion.name, "cause": cause}
    return assertion, [_act(Event.ATTRIBUTE_WITHDRAWN, assertion_id, organisation, detail)]


def _check_provider(asks: Asking) -> None:
    if Role.PROVIDER not in asks.key.roles:
        raise Forbidden("Only a provider's key may do this.")


def _existing(connection: Connection, organisation: str) -> Organisation:
    found = store.organisation_by_id(connection, organisation)
    if found is None:
        raise NotFound("There is no such organisation.")
    return found


def _detail(assertion: Assertion) -> Detail:
    detail: Detail = {
        "name": assertion.name,
        "issuer": assertion.issuer,
        "assurance": assertion.assurance,
        "asserted_at": text_from(assertion.asserted_at),
    }
    if assertion.expires_at < NEVER:
        detail["expires_at"] = text_from(assertion.expires_at)
    return detail


def _act(event: Event, subject: str, organisation: str, detail: Detail) -> Act:
    return Act(
        event=event,
        subject=subject,
        organisation=organisation,
        detail=detail,
        touches=(Touch("organisation", organisation),),
    )
