"""The ledger writer's participant: takes and settles limits in the transaction that appends the record."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.access.quotas import Exceeded, Meter, Settle, Take, Taken, scopes_of
from gateway.clock import Instant
from gateway.ledger.entries import AccessBody, Draft
from gateway.ledger.events import Event
from gateway.ledger.forms import Filled
from gateway.ledger.intents import Intent, Verdict


def take_limits(connection: Connection, intents: Sequence[Intent], at: Instant) -> Sequence[Verdict]:
    """Answer each intent in order: what it took, or the refusal that is recorded in its place.

    Called with the head row locked, so no other process can take the same limits meanwhile.
    """
    scopes = scopes_of([intent.claim for intent in intents])
    if not scopes:
        return [Verdict(intent.draft) for intent in intents]
    meters = store.meters(connection, sorted(scopes))
    verdicts = [_answer(intent, meters, at) for intent in intents]
    store.keep_meters(connection, meters)
    return verdicts


def _answer(intent: Intent, meters: dict[str, Meter], at: Instant) -> Verdict:
    claim = intent.claim
    if isinstance(claim, Settle):
        meters[claim.scope].settle(claim, at)
    elif isinstance(claim, Take):
        answer: Taken | Exceeded = meters[claim.scope].take(claim, at)
        if isinstance(answer, Exceeded):
            return Verdict(_refused(intent.draft, answer), answer)
        return Verdict(intent.draft, answer)
    return Verdict(intent.draft)


def _refused(admitted: Draft | Filled, exceeded: Exceeded) -> Draft:
    body = admitted.body
    assert isinstance(body, AccessBody)
    refused = msgspec.structs.replace(body, reasons=[exceeded.reason.value], served="", tokens_reserved=0)
    return Draft(admitted.id, Event.ACCESS_REFUSED, refused)
