"""How strategy versions and their stages are shown."""

from datetime import datetime

import msgspec

from gateway.clock import Moment
from gateway.control.wire import shown, when
from gateway.releases.audiences import Audience
from gateway.releases.strategies import Stage, Strategy
from gateway.releases.versions import StrategyVersion


class ShownStage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a strategy."""

    name: str
    state: str
    """past, open or to come."""
    access: str
    opens: datetime
    closes: datetime | None
    to: list[str]
    offers: list[str]
    terms: list[str]
    requests_per_minute: int | None
    tokens_per_day: int | None
    max_output_tokens: int | None
    log: str
    retain_days: int | None
    irreversible: bool


class ShownTest(msgspec.Struct, frozen=True):
    """One thing that an audience asks for."""

    attribute: str
    """role, grant, or a fact about the organisation."""
    op: str
    """One of = != >= > <= < in not_in."""
    value: str | int | bool | list[str]


class ShownAudience(msgspec.Struct, frozen=True):
    """What an audience asks for: everything in the list."""

    asks: list[ShownTest]
    on_unknown: str
    """deny or allow: what a fact that nobody asserted amounts to."""


class ShownVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy as applied."""

    release: str
    number: int
    digest: str
    previous: str
    applied_at: datetime
    applied_by: str
    adopted: bool
    change: str | None
    """Id of the change it came by; null for a version that was applied directly, unreviewed."""
    listed: bool
    audiences: dict[str, ShownAudience]
    """By name; `public` is everybody and not among them."""
    terms: dict[str, str]
    """Digests by name."""
    upstream: str | None
    model: str | None
    files: dict[str, str]
    """Digests of the weights that may be downloaded, by path."""
    stages: list[ShownStage]


def shown_version(version: StrategyVersion, moment: Moment) -> ShownVersion:
    """A version, with what stands of it at a moment."""
    strategy = version.strategy
    return ShownVersion(
        release=strategy.release,
        number=version.number,
        digest=version.digest,
        previous=version.previous,
        applied_at=shown(version.applied_at),
        applied_by=version.applied_by,
        adopted=version.adopted,
        change=version.change or None,
        listed=strategy.listed,
        audiences={name: _audience(audience) for name, audience in strategy.audiences.items()},
        terms=strategy.terms,
        upstream=strategy.inference.upstream if strategy.inference is not None else None,
        model=strategy.inference.model if strategy.inference is not None else None,
        files=strategy.weights.files if strategy.weights is not None else {},
        stages=[_stage(strategy, stage, moment) for stage in strategy.stages],
    )


def _audience(audience: Audience) -> ShownAudience:
    return ShownAudience(
        [
            ShownTest(test.attribute, test.op, list(test.value) if isinstance(test.value, tuple) else test.value)
            for test in audience.tests
        ],
        audience.on_unknown,
    )


def _stage(strategy: Strategy, stage: Stage, moment: Moment) -> ShownStage:
    conditions = stage.conditions
    if strategy.stage_at(moment) == stage:
        state = "open"
    else:
        state = "past" if moment.surely_reached(stage.opens) else "to come"
    return ShownStage(
        name=stage.name,
        state=state,
        access=stage.access.value,
        opens=shown(stage.opens),
        closes=when(stage.closes),
        to=list(stage.to),
        offers=[component.value for component in stage.offers],
        terms=list(conditions.terms),
        requests_per_minute=conditions.requests_per_minute,
        tokens_per_day=conditions.tokens_per_day,
        max_output_tokens=conditions.max_output_tokens,
        log=conditions.log,
        retain_days=conditions.retain_days,
        irreversible=stage.irreversible,
    )
