"""Whether somebody may agree that a stage opens, and whether it may open by what was agreed to: as the policies say."""

from gateway.access.change_decisions import OF_A_STAGE, ChangeRefused
from gateway.access.change_questions import ActOnChange, ChangeQuestion, Consent
from gateway.access.judges.port import Judge
from gateway.access.parties import consent_of, party_of
from gateway.identity.callers import Role
from gateway.releases.agreement import Agreement, Judged, Word
from gateway.releases.effects import Effect


def stage_judging(judge: Judge, *, asks_sign_in: bool = False) -> Judged:
    """What stages are judged by. It raises JudgeUnavailable: a stage that cannot be judged stays shut.

    `asks_sign_in`: people sign in at this gateway, so that irreversible steps may ask them to do so anew.
    """

    async def judged(agreement: Agreement) -> ChangeRefused | None:
        decision = await judge.ask_change(question(agreement, asks_sign_in))
        return None if decision.allow else ChangeRefused(decision.reasons, OF_A_STAGE)

    return judged


def question(agreement: Agreement, asks_sign_in: bool) -> ChangeQuestion:
    """What the judge is asked. Pure: the same values give the same question."""
    word = agreement.word
    return ChangeQuestion(
        act=_act_of(word).value,
        state="waiting",
        is_current=True,
        effect=Effect.WIDENING.value,
        irreversible=agreement.irreversible,
        authors=tuple(party_of(author) for author in agreement.authors),
        actor=_speaker(agreement),
        actor_roles=() if word is None else tuple(role.value for role in word.roles),
        # Stages are approved in this one role (control/stages.py).
        consents=tuple(consent_of(each, Role.APPROVER) for each in agreement.agreed),
        consents_needed=agreement.needed,
        consents_void=agreement.void,
        planned_for_s=0,
        asks_sign_in=asks_sign_in,
        signed_in_s=None if word is None else word.signed_in_s,
    )


def _act_of(word: Word | None) -> ActOnChange:
    if word is None:
        return ActOnChange.OPEN_STAGE
    return ActOnChange.CONCUR_STAGE if word.authority else ActOnChange.APPROVE_STAGE


def _speaker(agreement: Agreement) -> Consent | None:
    """Whoever wants to say it; None where a stage opens."""
    actor, word = agreement.actor, agreement.word
    if actor is None or word is None:
        return None
    is_owner = bool(word.authority) and Role.APPROVER not in word.roles
    return consent_of(actor, Role.PROVIDER if is_owner else Role.APPROVER, word.acknowledged)
