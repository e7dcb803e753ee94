"""What somebody who leaves had agreed to, taken back wherever it is not done yet: inside the transaction of leaving."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from gateway.access.requests.withdrawing import withdraw_request_approvals
from gateway.clock import Moment
from gateway.ledger.store import Act
from gateway.releases.changes.withdrawing import withdraw_approvals
from gateway.releases.evidence.withdrawing import withdraw_stage_approvals

Withdraw = Callable[[Connection, Sequence[str], str], list[Act]]


def withdrawing_all(now: Callable[[], Moment]) -> Withdraw:
    """Takes back approvals of changes, of stages and of requests that anybody known by these ids gave, for a cause."""

    def withdraw(connection: Connection, keys: Sequence[str], cause: str) -> list[Act]:
        return [
            *withdraw_approvals(connection, keys, cause),
            *withdraw_stage_approvals(connection, keys, cause),
            *withdraw_request_approvals(connection, keys, cause, now().latest),
        ]

    return withdraw
