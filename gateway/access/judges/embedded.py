"""The judge inside this process: Rego compiled once by rego-cpp, asked on one thread of its own."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.access.change_decisions import ChangeDecision
from gateway.access.change_questions import ChangeQuestion
from gateway.access.decisions import Decision
from gateway.access.judges.answers import Unsound
from gateway.access.judges.engine import Engine
from gateway.access.judges.entrypoints import ACCESS, CHANGES, REQUESTS
from gateway.access.judges.policies import PolicySet
from gateway.access.questions import Question
from gateway.access.requests.decisions import RequestDecision
from gateway.access.requests.questions import RequestQuestion
from gateway.errors import JudgeUnavailable

T = TypeVar("T")


class EmbeddedJudge:
    """Judges by a policy set without a server.

    The engine never leaves its thread: an answer cannot be one to another thread's question.
    """

    def __init__(self, policies: PolicySet, *, timeout_s: float = 1.0, waiting_max: int = 4096) -> None:
        self._policies = policies
        self._timeout_s = timeout_s
        self._waiting_max = waiting_max
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None
        self._engine: Engine | None = None
        self._fault = "The judge has not been started."

    @property
    def policy(self) -> str:
        """Digest of the policy set that judges."""
        return self._policies.digest

    @property
    def fault(self) -> str:
        """Why the last question could not be judged; empty when it was."""
        return self._fault

    async def start(self) -> None:
        """Compile the policies. Raises SettingsInvalid when they cannot be judged by."""
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        try:
            self._engine = await asyncio.get_running_loop().run_in_executor(thread, Engine, self._policies)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        self._thread = thread
        self._fault = ""

    async def stop(self) -> None:
        """End the thread; questions still waiting are not judged."""
        thread, self._thread, self._engine = self._thread, None, None
        self._fault = "The judge has been stopped."
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Question) -> Decision:
        """The decision on this question. Raises JudgeUnavailable in time, whatever went wrong."""
        if self._engine is None:
            raise JudgeUnavailable
        return await self._on_thread(functools.partial(self._engine.judge, ACCESS, question))

    async def ask_change(self, question: ChangeQuestion) -> ChangeDecision:
        """The decision on an act on a change. Raises JudgeUnavailable in time, whatever went wrong."""
        if self._engine is None:
            raise JudgeUnavailable
        return await self._on_thread(functools.partial(self._engine.judge, CHANGES, question))

    async def ask_request(self, question: RequestQuestion) -> RequestDecision:
        """The decision on an act on a request. Raises JudgeUnavailable in time, whatever went wrong."""
        if self._engine is None:
            raise JudgeUnavailable
        return await self._on_thread(functools.partial(self._engine.judge, REQUESTS, question))

    async def ready(self) -> bool:
        """Whether the engine answers, and says no where it must."""
        if self._engine is None:
            return False
        try:
            await self._on_thread(self._engine.probe)
        except JudgeUnavailable:
            return False
        return True

    async def _on_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None or self._waiting >= self._waiting_max:
            self._fault = "Too many questions are waiting for the judge."
            raise JudgeUnavailable
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError as error:
            self._fault = f"The judge did not answer within {self._timeout_s} s."
            raise JudgeUnavailable from error
        except Unsound as error:
            self._fault = f"The judge's answer cannot be trusted: {error}."
            raise JudgeUnavailable from error
        except Exception as error:
            # Whatever else goes wrong inside the engine, nothing passes.
            self._fault = f"The judge failed: {type(error).__name__}."
            raise JudgeUnavailable from error
        finally:
            self._waiting -= 1
        self._fault = ""
        return answer
