"""Whether somebody may agree that a stage opens, and whether it may open by what was agreed to: as the policies say."""

from gateway.access.change_decisions import ChangeRefused
from gateway.access.change_questions import ActOnChange, ChangeQuestion
from gateway.access.judges.port import Judge
from gateway.access.parties import consent_of, party_of
from gateway.identity.callers import Role
from gateway.releases.agreement import Agreement, Judged
from gateway.releases.effects import Effect


def stage_judging(judge: Judge) -> Judged:
    """What stages are judged by. It raises JudgeUnavailable: a stage that cannot be judged stays shut."""

    async def judged(agreement: Agreement) -> ChangeRefused | None:
        decision = await judge.ask_change(question(agreement))
        return None if decision.allow else ChangeRefused(decision.reasons)

    return judged


def question(agreement: Agreement) -> ChangeQuestion:
    """What the judge is asked. Pure: the same values give the same question."""
    actor = agreement.actor
    act = ActOnChange.OPEN_STAGE if actor is None else ActOnChange.APPROVE_STAGE
    return ChangeQuestion(
        act=act.value,
        state="waiting",
        is_current=True,
        effect=Effect.WIDENING.value,
        irreversible=False,  # whether it can be undone was agreed to with the version that brought it
        authors=tuple(party_of(author) for author in agreement.authors),
        # Stages are approved in this one role (control/stages.py).
        actor=None if actor is None else consent_of(actor, Role.APPROVER),
        actor_roles=tuple(role.value for role in agreement.roles),
        consents=tuple(consent_of(each, Role.APPROVER) for each in agreement.agreed),
        consents_needed=agreement.needed,
        consents_void=agreement.void,
        planned_for_s=0,
        asks_sign_in=False,
        signed_in_s=None,
    )
