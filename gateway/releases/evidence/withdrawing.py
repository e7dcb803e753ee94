"""Approvals of stages taken back because whoever gave them has left: the inside of that transaction, with its acts.

What has opened stays open.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.ledger.entries import Event
from gateway.ledger.store import Act
from gateway.releases.evidence import store


def withdraw_stage_approvals(connection: Connection, keys: Sequence[str], cause: str) -> list[Act]:
    """Take back every approval that somebody known by any of these ids gave of a stage that has not opened."""
    acts = []
    for approval in store.pending_approvals(connection, keys):
        store.remove_approval(connection, approval.id)
        detail: dict[str, str | int | bool | list[str]] = {"approval": approval.id, "by": approval.given_by}
        acts.append(
            Act(
                event=Event.APPROVAL_WITHDRAWN,
                subject=approval.stage,
                release=approval.release,
                detail={**detail, "cause": cause},
            )
        )
    return acts
