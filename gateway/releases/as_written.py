"""Values of a strategy as a release file writes them, for people who compare two: text, numbers, lists of text."""

import msgspec

from gateway.clock import NEVER, Instant, text_from
from gateway.releases.audiences import Audience
from gateway.releases.requirements import title
from gateway.releases.strategies import Stage, Strategy
from gateway.spelling import counted

Value = str | int | bool | list[str] | None
"""As a release file writes it; None for what is not there."""

LIMITS = ("requests_per_minute", "tokens_per_day", "max_output_tokens")


def said_when_new(stage: Stage) -> dict[str, Value]:
    """The same, with how it opens: what a new stage says."""
    return {
        **said_by(stage),
        "opens_when": required(stage),
        "canary": share(stage),
        "irreversible": stage.irreversible,
        "perpetual": stage.perpetual,
    }


def said_by(stage: Stage) -> dict[str, Value]:
    """What a stage says of whom it gives what, by path below it."""
    conditions = stage.conditions
    return {
        "access": stage.access.value,
        "to": list(stage.to),
        "cap": None if stage.cap is None else f"{counted(stage.cap.organisations, 'organisation')} in {_line(stage)}",
        "review": None if stage.review is None else f"by {text_from(stage.review.by)}, then {stage.review.if_overdue}",
        "offers": [component.value for component in stage.offers],
        "conditions.terms": list(conditions.terms),
        **{f"conditions.{name}": getattr(conditions, name) for name in LIMITS},
        "conditions.log": conditions.log,
        "conditions.retain_days": conditions.retain_days,
        "conditions.concurrence": conditions.concurrence or None,
    }


def date_of(stage: Stage | None, field: str) -> str | None:
    """The date of a field of a stage, which may not be there; None for never."""
    instant: Instant = NEVER if stage is None else getattr(stage, field)
    return None if instant >= NEVER else text_from(instant)


def required(stage: Stage) -> list[str] | None:
    """Its requirements by their titles, None where there are none."""
    return [title(requirement) for requirement in stage.opens_when] or None


def share(stage: Stage) -> str | None:
    """The share of organisations that it reaches, None for all."""
    canary = stage.canary
    return None if canary is None else f"{canary.percent} % of organisations, by the salt {canary.salt}"


def called(strategy: Strategy) -> str | None:
    """Where the model is, None where nothing is called."""
    target = strategy.inference
    return None if target is None else f"{target.model} at {target.upstream}"


def audience_line(audience: Audience) -> str:
    """An audience on one line, in the words of a release file."""
    tests = [f"{test.sought.written} {test.op} {_operand(test.value)}" for test in audience.tests]
    return " and ".join([*tests, f"unknown: {audience.on_unknown}"])


def plain(value: object) -> Value:
    """Any value; what has parts of its own in one line of JSON."""
    if value is None or isinstance(value, int | str):
        return None if value == "" else value
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    return msgspec.json.encode(value, order="sorted").decode()


def _line(stage: Stage) -> str:
    return f"the line of {stage.cap.line}" if stage.cap is not None and stage.cap.line else "a line of its own"


def _operand(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
