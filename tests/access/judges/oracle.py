"""The rules of judgement a second time, in Python and on their own, to hold the judges against."""

from collections.abc import Iterable, Sequence

from gateway.access.decisions import Decision, Obligations
from gateway.access.questions import AudienceFact, NarrowingFact, Question, StageFact
from gateway.access.reasons import Reason

HIDDEN = Decision(allow=False, visible=False, reasons=(Reason.MODEL_NOT_FOUND,), obligations=None)


def expected(question: Question) -> Decision:
    """The one right answer to a well-formed question."""
    binding = [each for each in question.narrowings if not _lets_pass(each, question.component)]
    if any(each.verb == "embargo" for each in binding):
        return HIDDEN
    answer = _without_narrowings(question)
    told = sorted({_CODES[each.verb] for each in binding}, key=list(_CODES.values()).index)
    if not answer.visible or not told:
        return answer
    kept = [reason for reason in answer.reasons if reason is not Reason.TERMS_NOT_ACCEPTED]
    return _refuse(*told, *kept)


_CODES = {
    "recall": Reason.RECALLED,
    "withdraw": Reason.WITHDRAWN,
    "suspend": Reason.SUSPENDED,
    "hold": Reason.HELD,
    "roll_back": Reason.HELD,
}


def _is_outside(narrowing: NarrowingFact, component: str) -> bool:
    touches = narrowing.touches.get(component)
    is_let_in = touches == "unknown" and narrowing.on_unknown == "allow"
    return touches == "no" or is_let_in or narrowing.restored.get(component) == "yes"


def _lets_pass(narrowing: NarrowingFact, component: str) -> bool:
    if _is_outside(narrowing, component):
        return True
    stage = narrowing.stage
    if stage is None or narrowing.verb not in {"hold", "roll_back"} or component not in stage.offers:
        return False
    return (
        (component != "weights.final" or stage.access == "open-weights")
        and _admits(narrowing.audiences, stage.access)
        and stage.place in {"held", "not_needed"}
        and stage.concurrence in {"not_needed", "standing"}
    )


def _without_narrowings(question: Question) -> Decision:
    stage = question.stage
    if stage is None:
        awaited = _admits(question.future_audiences, question.future_access)
        if not (awaited or (question.listed and question.future_access != "closed")):
            return HIDDEN
        return _refuse(Reason.STAGE_NOT_OPEN if question.future else Reason.STAGE_CLOSED)
    if not _admits(question.audiences, stage.access):
        awaited = _admits(question.future_audiences, question.future_access)
        if stage.access == "closed" or not (question.listed or awaited):
            return HIDDEN
        return _refuse(*_why_not_admitted(question))
    offered = tuple(name for name in stage.offers if name != "weights.final" or stage.access == "open-weights")
    told = []
    if question.component not in offered:
        told.append(Reason.COMPONENT_NOT_OFFERED)
    if not question.in_scope:
        told.append(Reason.SCOPE_TOO_NARROW)
    told += _why_not_entered(stage)
    if told in ([], [Reason.STAGE_FULL]) and question.terms_missing:
        told.insert(0, Reason.TERMS_NOT_ACCEPTED)
    if told:
        return _refuse(*told)
    kept = [stage.conditions]
    for each in question.narrowings:
        if each.verb in {"hold", "roll_back"} and each.stage and not _is_outside(each, question.component):
            kept.append(each.stage.conditions)
    obligations = Obligations(
        components=tuple(name for name in offered if all(_lets_pass(each, name) for each in question.narrowings)),
        requests_per_minute=min(_set(each.requests_per_minute for each in kept), default=None),
        tokens_per_day=min(_set(each.tokens_per_day for each in kept), default=None),
        max_output_tokens=min(_set(each.max_output_tokens for each in kept), default=None),
        log=max(each.log for each in kept),
        retain_days=max(_set(each.retain_days for each in kept), default=None),
    )
    return Decision(allow=True, visible=True, reasons=(), obligations=obligations)


def _set(limits: Iterable[int | None]) -> list[int]:
    return [limit for limit in limits if limit is not None]


def _admits(audiences: Sequence[AudienceFact], access: str | None) -> bool:
    yes = any(audience.truth == "yes" for audience in audiences)
    benefit = any(audience.truth == "unknown" and audience.on_unknown == "allow" for audience in audiences)
    return yes or (benefit and access != "closed")


def _why_not_admitted(question: Question) -> list[Reason]:
    told = []
    if any(audience.wants_grant for audience in question.audiences):
        because = {
            "none": Reason.GRANT_REQUIRED,
            "ended": Reason.GRANT_ENDED,
            "paused": Reason.GRANT_PAUSED,
            "recertification_due": Reason.GRANT_RECERTIFICATION_DUE,
        }
        told += [because[question.grant]] if question.grant in because else []
    if any(audience.truth == "unknown" for audience in question.audiences):
        told.append(Reason.ATTRIBUTE_UNKNOWN)
    return told or [Reason.AUDIENCE_NOT_ADMITTED]


def _why_not_entered(stage: StageFact) -> list[Reason]:
    told = {"none": [Reason.CONCURRENCE_REQUIRED], "ended": [Reason.CONCURRENCE_ENDED]}.get(stage.concurrence, [])
    if stage.place == "full":
        told.append(Reason.STAGE_FULL)
    if stage.place == "free" and stage.overdue and stage.if_overdue == "freeze":
        told.append(Reason.STAGE_FROZEN)
    return told


def _refuse(*reasons: Reason) -> Decision:
    return Decision(allow=False, visible=True, reasons=reasons, obligations=None)
