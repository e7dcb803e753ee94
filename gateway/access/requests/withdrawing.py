"""Reviewers' words taken back because they have left: the inside of that transaction, with its acts.

The request goes back before whoever reviews. What was granted stays granted.
"""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.access.requests import store
from gateway.access.requests.acting import act_on
from gateway.access.requests.moving import entered
from gateway.access.requests.request import RequestState
from gateway.clock import Moment
from gateway.ledger.events import Event
from gateway.ledger.store import Act

_APPROVED = (RequestState.AWAITING_SECOND_APPROVAL, RequestState.AWAITING_EXTERNAL_CONCURRENCE)


def withdraw_request_approvals(
    connection: Connection, keys: Sequence[str], cause: str, moment: Moment, keeping: Collection[str] = ()
) -> list[Act]:
    """Take back every approval that somebody known by any of these ids gave to a request that is under way.

    What they gave in a role of `keeping` stays given.
    """
    acts = []
    for request in store.open_requests_approved_by(connection, keys):
        gone = [each for each in request.approvals if each.key in keys and each.role not in keeping]
        if not gone:
            continue
        if request.state in _APPROVED:
            moved = entered(request, RequestState.PENDING_REVIEW, moment.latest)
        else:
            moved = msgspec.structs.replace(request, acts=request.acts + 1)
        store.move_request(connection, moved, request.acts)
        for approval in gone:
            store.remove_approval(connection, request.id, approval.key)
            detail: dict[str, str | int | bool | list[str]] = {"by": approval.key, "role": approval.role}
            acts.append(act_on(Event.REQUEST_APPROVAL_WITHDRAWN, moved, {**detail, "cause": cause}))
    return acts
