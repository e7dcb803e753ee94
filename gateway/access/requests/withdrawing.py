"""Approvals of requests taken back because whoever gave them has left: the inside of that transaction, with its acts.

What was granted stays granted.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from gateway.access.requests import store
from gateway.access.requests.acting import act_on
from gateway.access.requests.moving import entered
from gateway.access.requests.request import AccessRequest, RequestState
from gateway.clock import Instant
from gateway.ledger.entries import Event
from gateway.ledger.store import Act


def withdraw_request_approvals(connection: Connection, keys: Sequence[str], cause: str, now: Instant) -> list[Act]:
    """Take back every approval that somebody known by any of these ids gave to a request not yet decided."""
    acts = []
    for request in store.open_requests_approved_by(connection, keys):
        gone = [approval for approval in request.approvals if approval.key in keys]
        moved = _without(request, keys, now)
        store.move_request(connection, moved, request.acts)
        store.remove_approvals(connection, request.id, keys)
        for approval in gone:
            said = {"by": approval.key, "role": approval.role, "cause": cause}
            acts.append(act_on(Event.REQUEST_APPROVAL_WITHDRAWN, moved, {**said}))
    return acts


def _without(request: AccessRequest, keys: Sequence[str], now: Instant) -> AccessRequest:
    """The request without their word: where that counted, it waits for a reviewer again."""
    counted = any(approval.key in keys for approval in request.consents)
    left = tuple(approval for approval in request.approvals if approval.key not in keys)
    if counted and request.state is not RequestState.NEEDS_INFO:
        request = entered(request, RequestState.PENDING_REVIEW, now)
    else:
        request = msgspec.structs.replace(request, acts=request.acts + 1)
    return msgspec.structs.replace(request, approvals=left)
