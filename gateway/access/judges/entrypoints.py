"""What a policy set is asked: whether a use may pass, and whether an act on a change or on a request may."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from gateway.access.change_decisions import CHANGE_NOT_UNDERSTOOD, ChangeDecision
from gateway.access.change_questions import ActOnChange, ChangeQuestion
from gateway.access.decisions import Decision
from gateway.access.judges.answers import NOTHING_TOLD, Unsound, check
from gateway.access.questions import Question
from gateway.access.requests.decisions import REQUEST_NOT_UNDERSTOOD, RequestDecision
from gateway.access.requests.questions import RequestQuestion
from gateway.access.requests.request import may_lead


class Asked(Protocol):
    """A question of any kind."""

    def canonical(self) -> bytes:
        """RFC 8785 bytes."""
        ...


Q = TypeVar("Q", bound=Asked)
A = TypeVar("A")


class Entrypoint(Generic[Q, A]):
    """One rule of the policies: where it is, what a sound answer looks like, and what it says to nonsense."""

    def __init__(self, package: str, shape: type[A], check: Callable[[A, Q], A], plain_no: A) -> None:
        self.package = package
        self.path = f"{package}/decision"
        self._shape = shape
        self._check = check
        self._plain_no = plain_no

    def sound(self, result: Any, question: Q | None) -> A:
        """The answer, if it is one to this question; to no question at all, only the plain no. Raises Unsound."""
        try:
            answer = msgspec.convert(result, self._shape, strict=True)
        except (ValueError, RecursionError) as error:
            raise Unsound(f"the answer has not the shape of {self._shape.__name__}") from error
        if question is not None:
            return self._check(answer, question)
        if answer != self._plain_no:
            raise Unsound("the answer to an empty question is not the plain no")
        return answer


def _check_change(decision: ChangeDecision, question: ChangeQuestion) -> ChangeDecision:
    """The decision, if it holds together; what no policy may ever allow is not believed of one."""
    if decision.waits_s < 0 or (decision.review_within_s is not None and decision.review_within_s < 0):
        raise Unsound("a time lies before the change")
    if decision.allow == bool(decision.reasons):
        raise Unsound("an allow gives reasons, or a denial gives none")
    if decision.allow and question.act in {ActOnChange.APPROVE, ActOnChange.APPLY} and not question.is_current:
        raise Unsound("an allow of what is stale")
    if decision.allow and question.act == ActOnChange.APPLY and question.planned_for_s < decision.waits_s:
        raise Unsound("an allow before the time to wait is up")
    return decision


def _check_request(decision: RequestDecision, question: RequestQuestion) -> RequestDecision:
    """The decision, if it holds together and leads somewhere that this act can lead to."""
    if decision.allow == bool(decision.reasons):
        raise Unsound("an allow gives reasons, or a denial gives none")
    if decision.allow != (decision.leads_to is not None):
        raise Unsound("an allow leads nowhere, or a denial somewhere")
    if decision.leads_to is not None and not may_lead(question.state, question.act, decision.leads_to):
        raise Unsound("an allow leads where this act cannot")
    return decision


ACCESS = Entrypoint[Question, Decision]("access", Decision, check, NOTHING_TOLD)
CHANGES = Entrypoint[ChangeQuestion, ChangeDecision]("changes", ChangeDecision, _check_change, CHANGE_NOT_UNDERSTOOD)
REQUESTS = Entrypoint[RequestQuestion, RequestDecision](
    "requests", RequestDecision, _check_request, REQUEST_NOT_UNDERSTOOD
)
