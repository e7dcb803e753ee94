"""The port of the judge: a question in, a decision out, or nothing that anybody may act on."""

from typing import Protocol

from gateway.access.change_decisions import ChangeDecision
from gateway.access.change_questions import ChangeQuestion
from gateway.access.decisions import Decision
from gateway.access.questions import Question
from gateway.access.requests.decisions import RequestDecision
from gateway.access.requests.questions import RequestQuestion


class Judge(Protocol):
    """Judges by one policy set. What it cannot judge beyond doubt, it does not judge."""

    @property
    def policy(self) -> str:
        """Digest of the policy set that judges."""
        ...

    @property
    def fault(self) -> str:
        """Why the last question could not be judged, for operators; empty when it was."""
        ...

    async def start(self) -> None:
        """Make ready to be asked. Raises SettingsInvalid; does not need the judge's server to be there yet."""
        ...

    async def stop(self) -> None:
        """Let go of threads and connections. Nothing can be asked until it is started again."""
        ...

    async def ask(self, question: Question) -> Decision:
        """The decision on this question. Raises JudgeUnavailable within the judge's time limit, whatever went wrong."""
        ...

    async def ask_change(self, question: ChangeQuestion) -> ChangeDecision:
        """The same of an act on a change."""
        ...

    async def ask_request(self, question: RequestQuestion) -> RequestDecision:
        """The same of an act on a request for access."""
        ...

    async def ready(self) -> bool:
        """Whether a question asked now would be judged, and by this policy set. Never raises."""
        ...
