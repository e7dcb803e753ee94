"""Why an act on a change may not pass, told with what is so of that very change: who agreed, what moved, until when."""

from gateway.access.change_decisions import CHANGE_MEANINGS, ChangeReason
from gateway.access.proposed import Proposed
from gateway.clock import SECOND, text_from


def told_of(reason: ChangeReason, proposed: Proposed, policy: str, waits_s: int) -> str:
    """Why an act on a change may not pass, with what is so of this very change."""
    change, said = proposed.change, CHANGE_MEANINGS[reason].message
    if reason is ChangeReason.APPROVALS_MISSING:
        return f"{said} So far: {', '.join(each.key for each in proposed.consents) or 'nobody'}."
    if reason is ChangeReason.COOLING_OFF:
        return f"{said} It is at {text_from(change.planned_surely_at + waits_s * SECOND)}."
    if reason is ChangeReason.STALE:
        moved = []
        if change.base != proposed.in_force:
            moved.append(f"version {proposed.in_force.number} is in force, where it was {change.base.number or 'none'}")
        if change.policy != policy:
            moved.append(f"the policies are {policy}, where they were {change.policy}")
        return f"{said} Now {' and '.join(moved)}." if moved else said
    return said
