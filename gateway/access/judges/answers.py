"""Reading what a judge answered: exactly a decision that keeps its own promises, or nothing.

The same reading stands behind every judge, so that none is believed more than another.
"""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from gateway.access.decisions import Decision, Obligations
from gateway.access.questions import NarrowingFact, Question
from gateway.access.reasons import Reason
from gateway.identity.predicates import Truth

ANSWER_BYTES_MAX = 65_536
"""More than any decision takes."""

LOG_MODES = frozenset({"metadata", "metadata+hash"})

NOTHING_TOLD = Decision(allow=False, visible=False, reasons=(Reason.MODEL_NOT_FOUND,), obligations=None)
"""What a sound policy set answers to a question that makes no sense."""

T = TypeVar("T")


class Unsound(Exception):
    """An answer that nobody may act on. Says what is wrong, without quoting the answer."""


def read(answer: bytes | str, shape: type[T]) -> T:
    """The answer in its shape. Refuses what JSON parsers differ over: repeated names, NaN, infinities."""
    if len(answer) > ANSWER_BYTES_MAX:
        raise Unsound("the answer is too large")
    try:
        document = json.loads(answer, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_no_float)
        return msgspec.convert(document, shape, strict=True)
    except (ValueError, RecursionError) as error:
        # ValueError covers msgspec's ValidationError, JSON's and Unicode's errors.
        raise Unsound(f"the answer has not the shape of {shape.__name__}") from error


def check(decision: Decision, question: Question) -> Decision:
    """The decision, if it is one on this question and holds together."""
    if decision.allow:
        _check_allow(decision, question)
    elif decision.obligations is not None:
        raise Unsound("a denial carries obligations")
    elif not decision.reasons:
        raise Unsound("a denial gives no reason")
    elif decision.visible == (Reason.MODEL_NOT_FOUND in decision.reasons):
        raise Unsound("a denial tells of a release and hides it at once")
    elif not decision.visible and decision != NOTHING_TOLD:
        raise Unsound("a denial that hides the release tells more than that")
    return decision


def _check_allow(decision: Decision, question: Question) -> None:
    obligations = decision.obligations
    if obligations is None:
        raise Unsound("an allow carries no obligations")
    if not decision.visible or decision.reasons:
        raise Unsound("an allow hides the release or gives reasons")
    if question.stage is None:
        raise Unsound("an allow without a stage that is open")
    if question.component not in obligations.components:
        raise Unsound("an allow does not cover the component asked for")
    if not set(obligations.components) <= set(question.stage.offers):
        raise Unsound("an allow covers more than the stage offers")
    if any(_takes_away(narrowing, question.component) for narrowing in question.narrowings):
        raise Unsound("an allow passes over a narrowing")
    if obligations.log not in LOG_MODES:
        raise Unsound("an allow asks for a log that nothing keeps")
    if any(limit is not None and limit < 0 for limit in _limits(obligations)):
        raise Unsound("an allow sets a limit below zero")


def _takes_away(narrowing: NarrowingFact, component: str) -> bool:
    """Whether it leaves nothing, and the use is surely in its scope and not surely restored."""
    return (
        narrowing.stage is None
        and narrowing.touches.get(component) == Truth.YES
        and narrowing.restored.get(component) != Truth.YES
    )


def _limits(obligations: Obligations) -> tuple[int | None, ...]:
    return (
        obligations.requests_per_minute,
        obligations.tokens_per_day,
        obligations.max_output_tokens,
        obligations.retain_days,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is repeated")
    return document


def _no_constant(_literal: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _no_float(_literal: str) -> NoReturn:
    raise ValueError("no decision has a fraction in it")
