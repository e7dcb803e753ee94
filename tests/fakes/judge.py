"""A judge that answers the plain cases from memory, counts what it is asked, and fails when told to."""

from gateway.access.change_decisions import ChangeDecision
from gateway.access.change_questions import ChangeQuestion
from gateway.access.decisions import Decision, Obligations
from gateway.access.questions import Question
from gateway.access.reasons import Reason
from gateway.access.requests.decisions import RequestDecision
from gateway.access.requests.questions import RequestQuestion
from gateway.errors import JudgeUnavailable


class FakeJudge:
    """Admits who is in an audience of the stage and has accepted its terms."""

    def __init__(self) -> None:
        self.policy = "sha256:" + "f" * 64
        self.asked: list[Question] = []
        self.is_down = False
        self.fault = ""

    async def start(self) -> None:
        """Nothing to make ready."""

    async def stop(self) -> None:
        """Nothing to let go of."""

    async def ready(self) -> bool:
        """Whether it is up."""
        return not self.is_down

    async def ask_change(self, _question: ChangeQuestion) -> ChangeDecision:
        """It has no rules about changes, so none passes."""
        raise JudgeUnavailable

    async def ask_request(self, _question: RequestQuestion) -> RequestDecision:
        """It has no rules about requests, so none passes."""
        raise JudgeUnavailable

    async def ask(self, question: Question) -> Decision:
        """Judge, or fail."""
        self.asked.append(question)
        if self.is_down:
            raise JudgeUnavailable
        stage = question.stage
        if stage is None:
            return _no(Reason.STAGE_NOT_OPEN)
        if not any(fact.truth == "yes" for fact in question.audiences):
            return _no(Reason.GRANT_REQUIRED if question.grant == "none" else Reason.AUDIENCE_NOT_ADMITTED)
        if question.component not in stage.offers:
            return _no(Reason.COMPONENT_NOT_OFFERED)
        if question.terms_missing:
            return _no(Reason.TERMS_NOT_ACCEPTED)
        conditions = stage.conditions
        obligations = Obligations(
            components=stage.offers,
            requests_per_minute=conditions.requests_per_minute,
            tokens_per_day=conditions.tokens_per_day,
            max_output_tokens=conditions.max_output_tokens,
            log=conditions.log,
            retain_days=conditions.retain_days,
        )
        return Decision(allow=True, visible=True, reasons=(), obligations=obligations)


def _no(reason: Reason) -> Decision:
    return Decision(allow=False, visible=True, reasons=(reason,), obligations=None)
