"""The grant that a request leads to: given, and older ones superseded, in the transaction that grants."""

import secrets

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.access.grants import LASTING, Grant
from gateway.access.requests.request import AccessRequest
from gateway.clock import DAY, Moment, text_from
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Touch
from gateway.releases.strategies import Strategy

_encoder = msgspec.json.Encoder(order="sorted")


def granted(
    connection: Connection, actor: Actor, request: AccessRequest, strategy: Strategy, moment: Moment
) -> tuple[Grant, list[Act]]:
    """Give the grant, in force everywhere within a second; what it takes the place of ends with it."""
    form = strategy.requests
    assert form is not None
    ends_at = moment.earliest + form.grant_days * DAY
    recertify_by = form.recertification(moment.earliest)
    grant = Grant(
        id=f"grant_{secrets.token_hex(12)}",
        organisation=request.organisation,
        release=request.release,
        given_at=moment.latest,
        given_by=actor.key,
        authority=authority_of(request),
        # What starts now must start surely, or the next call would find it not begun.
        starts_at=moment.earliest,
        ends_at=ends_at if request.concurs_until is None else min(ends_at, request.concurs_until),
        request=request.id,
        terms=_encoder.encode(strategy.terms).decode(),
        recertify_by=recertify_by,
        recertify_every=form.recertify_every_days * DAY or None,
    )
    those_held = store.grants_held(connection, request.organisation, request.release)
    grant = grant.following(those_held, moment)
    acts = [_given(grant)]
    for held in those_held:
        if held.state(moment) in LASTING:
            over = msgspec.structs.replace(held, superseded_at=moment.latest, superseded_by=grant.id)
            store.change_grant(connection, over, held)
            acts.append(act_on_grant(Event.GRANT_SUPERSEDED, over, {"by": grant.id}))
    store.add_grant(connection, grant)
    return grant, acts


def authority_of(request: AccessRequest) -> str:
    """On whose word: everybody who approved, and the authority that concurred."""
    said = [f"{approval.key} as {approval.role}" for approval in request.consents]
    concurs = f"; {request.authority} concurs: {request.concurrence}" if request.concurrence else ""
    return f"{request.id}, approved by {' and '.join(said)}{concurs}"


def act_on_grant(event: Event, grant: Grant, detail: dict[str, str | int | bool | list[str]]) -> Act:
    """What the ledger says of an act on a grant; whoever holds it is judged anew."""
    return Act(
        event=event,
        subject=grant.id,
        organisation=grant.organisation,
        release=grant.release,
        detail=detail,
        touches=(Touch("organisation", grant.organisation),),
    )


def _given(grant: Grant) -> Act:
    detail: dict[str, str | int | bool | list[str]] = {
        "authority": grant.authority,
        "starts_at": text_from(grant.starts_at),
        "ends_at": text_from(grant.ends_at),
        "request": grant.request,
        "terms": [f"{name} {digest}" for name, digest in sorted(msgspec.json.decode(grant.terms).items())],
    }
    if grant.recertify_by is not None:
        detail["recertify_by"] = text_from(grant.recertify_by)
    return act_on_grant(Event.GRANT_GIVEN, grant, detail)
