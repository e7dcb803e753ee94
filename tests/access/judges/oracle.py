"""The rules of judgement a second time, in Python and on their own, to hold the judges against."""

from collections.abc import Sequence

from gateway.access.decisions import Decision, Obligations
from gateway.access.questions import AudienceFact, Question
from gateway.access.reasons import Reason

HIDDEN = Decision(allow=False, visible=False, reasons=(Reason.MODEL_NOT_FOUND,), obligations=None)


def expected(question: Question) -> Decision:
    """The one right answer to a well-formed question."""
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
    if not told and question.terms_missing:
        told.append(Reason.TERMS_NOT_ACCEPTED)
    if told:
        return _refuse(*told)
    kept = stage.conditions
    obligations = Obligations(
        components=offered,
        requests_per_minute=kept.requests_per_minute,
        tokens_per_day=kept.tokens_per_day,
        max_output_tokens=kept.max_output_tokens,
        log=kept.log,
        retain_days=kept.retain_days,
    )
    return Decision(allow=True, visible=True, reasons=(), obligations=obligations)


def _admits(audiences: Sequence[AudienceFact], access: str | None) -> bool:
    yes = any(audience.truth == "yes" for audience in audiences)
    benefit = any(audience.truth == "unknown" and audience.on_unknown == "allow" for audience in audiences)
    return yes or (benefit and access != "closed")


def _why_not_admitted(question: Question) -> list[Reason]:
    told = []
    if any(audience.wants_grant for audience in question.audiences):
        told += {"none": [Reason.GRANT_REQUIRED], "ended": [Reason.GRANT_ENDED], "active": []}[question.grant]
    if any(audience.truth == "unknown" for audience in question.audiences):
        told.append(Reason.ATTRIBUTE_UNKNOWN)
    return told or [Reason.AUDIENCE_NOT_ADMITTED]


def _refuse(*reasons: Reason) -> Decision:
    return Decision(allow=False, visible=True, reasons=reasons, obligations=None)
