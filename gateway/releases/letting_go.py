"""Whether somebody's word for opening a stage may let go of what cannot be undone (docs/decisions/0033). Pure."""

from collections.abc import Mapping

from gateway.clock import Instant
from gateway.releases.requirements import Approvals, Concurs
from gateway.releases.strategies import Stage, Strategy


def lets_go(strategy: Strategy, stage: Stage, opened: Mapping[str, Instant]) -> bool:
    """Whether it may without another person's word: by the stage itself, or by a later one.

    That is so of a later one which only dates, evidence and the like still keep shut once this one is open.
    """
    for each in strategy.stages[strategy.stages.index(stage) :]:
        if each is not stage and _asks_people(each) and each.name not in opened:
            return False
        if each.irreversible:
            return True
    return False


def _asks_people(stage: Stage) -> bool:
    """Whether people must agree to this very stage: its approvers, or an authority outside."""
    return any(isinstance(each, Approvals | Concurs) for each in stage.opens_when)
