"""Approvals taken back because whoever gave them has left: the inside of that transaction, with its acts.

What was applied stays applied; a review of it that they gave afterwards stays given.
"""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.ledger.events import Event
from gateway.ledger.store import Act
from gateway.releases.changes import store
from gateway.releases.changes.change import ChangeState


def withdraw_approvals(
    connection: Connection, keys: Sequence[str], cause: str, _: Moment, keeping: Collection[str] = ()
) -> list[Act]:
    """Take back every approval that somebody known by any of these ids gave to a change not yet decided.

    What they gave in a role of `keeping` stays given.
    """
    acts = []
    for change in store.open_changes_approved_by(connection, keys):
        gone = [each for each in change.approvals if each.key in keys and each.role not in keeping]
        if not gone:
            continue
        moved = msgspec.structs.replace(change, acts=change.acts + 1, state=ChangeState.PLANNED)
        store.move_change(connection, moved, change.acts)
        for approval in gone:
            store.remove_approval(connection, change.id, approval.key)
            detail: dict[str, str | int | bool | list[str]] = {"by": approval.key, "role": approval.role}
            acts.append(
                Act(
                    event=Event.CHANGE_APPROVAL_WITHDRAWN,
                    subject=change.id,
                    release=change.release,
                    detail={"digest": change.digest, **detail, "cause": cause},
                )
            )
    return acts
