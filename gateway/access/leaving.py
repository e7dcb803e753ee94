"""What somebody agreed to and is not done yet, taken back when they leave: of changes, of stages and of requests."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from gateway.access.requests.withdrawing import withdraw_request_approvals
from gateway.clock import Moment
from gateway.ledger.store import Act
from gateway.releases.changes.withdrawing import withdraw_approvals
from gateway.releases.evidence.withdrawing import withdraw_stage_approvals


def withdraw_agreement(
    connection: Connection, keys: Sequence[str], cause: str, moment: Moment, keeping: Collection[str] = ()
) -> list[Act]:
    """Take back what somebody known by any of these ids has agreed to, inside the transaction in which they go.

    What they agreed to in a role of `keeping`, which they still have, stays.
    """
    return [
        *withdraw_approvals(connection, keys, cause, moment, keeping),
        *withdraw_stage_approvals(connection, keys, cause, moment, keeping),
        *withdraw_request_approvals(connection, keys, cause, moment, keeping),
    ]
