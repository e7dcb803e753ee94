"""Approvals of stages taken back because whoever gave them has left: the inside of that transaction, with its acts.

A stage that is open stays open, and keeps the approvals by which it was opened.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.identity.callers import Role
from gateway.ledger.events import Event
from gateway.ledger.store import Act
from gateway.releases.evidence import store
from gateway.releases.known import gated_stages
from gateway.releases.store import version_in_force


def withdraw_stage_approvals(
    connection: Connection, keys: Sequence[str], cause: str, moment: Moment, keeping: Collection[str] = ()
) -> list[Act]:
    """Take back every approval that somebody known by any of these ids gave to a stage that is not open.

    Approvers alone give them: where that role is one of `keeping`, they stay given.
    """
    if Role.APPROVER in keeping:
        return []
    given = store.standing_approvals_by(connection, keys)
    opened = {release: _opened(connection, release) for release in {approval.release for approval in given}}
    acts = []
    for approval in given:
        if approval.stage in opened[approval.release]:
            continue
        store.withdraw_approval(connection, approval.id, moment.latest)
        acts.append(
            Act(
                event=Event.APPROVAL_WITHDRAWN,
                subject=approval.stage,
                release=approval.release,
                detail={"approval": approval.id, "by": approval.given_by, "cause": cause},
            )
        )
    return acts


def _opened(connection: Connection, release: str) -> frozenset[str]:
    """Digests of the stages that were opened, of the version in force."""
    version = version_in_force(connection, release)
    gated = [] if version is None else gated_stages(connection, version)
    return frozenset(each.digest for each in gated if each.opened_at is not None)
