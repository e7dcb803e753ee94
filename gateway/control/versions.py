"""How strategy versions and their stages are shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from gateway.clock import Instant, Moment
from gateway.control.asked import ShownForm, shown_form
from gateway.control.wire import shown, when
from gateway.releases.audiences import Audience
from gateway.releases.narrowings import InEffect
from gateway.releases.openings import Standing
from gateway.releases.requirements import title
from gateway.releases.stage_states import states
from gateway.releases.strategies import Stage
from gateway.releases.versions import StrategyVersion


class ShownRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of a stage."""

    requires: str
    met: bool | None
    """null where it was not looked at: of a version that is not in force."""
    said: str | None
    """Why it is met, or exactly what is missing."""


class ShownCanary(msgspec.Struct, frozen=True):
    """A share of organisations, drawn for ever by hashing them with a salt."""

    percent: int
    salt: str


class ShownCap(msgspec.Struct, frozen=True):
    """How many organisations a stage admits, and from which line."""

    organisations: int
    line: str
    """As the stage that began it is called."""


class ShownReview(msgspec.Struct, frozen=True):
    """When a stage is to be looked at again."""

    by: datetime
    if_overdue: str
    """warn, or freeze: nobody new is admitted."""
    overdue: bool


class ShownStage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a strategy."""

    name: str
    state: str
    """past, open, to come, or, where its requirements or a stage before keep it shut past its date, waiting or missed:
    it is missed when its end has come too, and then opens never. Of the stage in force, where it is narrowed for
    everybody, what was done: suspended, withdrawn, recalled, embargoed, held or rolled back."""
    access: str
    opens: datetime
    closes: datetime | None
    """Its own end; null where it only ends as another stage opens."""
    gives_way_to: str | None
    """The stage that takes over from it; null where none does, or it has closed by itself before."""
    gives_way_at: datetime | None
    """When that was or will be; null while it waits for its requirements."""
    to: list[str]
    offers: list[str]
    terms: list[str]
    requests_per_minute: int | None
    tokens_per_day: int | None
    max_output_tokens: int | None
    log: str
    retain_days: int | None
    irreversible: bool
    canary: ShownCanary | None
    """The share of organisations that it reaches; null where it reaches all whom its audiences name."""
    cap: ShownCap | None
    """null where it admits as many as come."""
    concurrence: str | None
    """The authority that must agree to each organisation."""
    review: ShownReview | None
    perpetual: bool
    """Whether somebody said that it needs neither an end nor a review."""
    opened_at: datetime | None
    """When a stage that has requirements was opened; null for others."""
    waits_for: str | None
    """The stage before that must open first."""
    basis: str | None
    """Digest of the stage and its evidence, which an approval may name."""
    requirements: list[ShownRequirement]


class ShownTest(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an audience asks for."""

    attribute: str
    """role, grant, or a fact about the organisation."""
    op: str
    """One of = != >= > <= < in not_in."""
    value: str | int | bool | list[str]
    assurance: int
    """The least at which a fact must have been established; 0 where any counts."""


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
    requests: ShownForm | None
    """How access is asked for; null where it is not."""
    terms: dict[str, str]
    """Digests by name."""
    upstream: str | None
    model: str | None
    files: dict[str, str]
    """Digests of the weights that may be downloaded, by path."""
    snapshot: str | None
    """Digest of the model's snapshot that evidence must be about."""
    stages: list[ShownStage]
    narrowings: list[str]
    """What narrows it now, each in one line, with how it stands with its review; of the version in force only."""


class Narrowed(msgspec.Struct, frozen=True):
    """What narrows a version, and how that is told."""

    standing: Sequence[InEffect] = ()
    told: Sequence[str] = ()


UNNARROWED = Narrowed()


def shown_version(
    version: StrategyVersion,
    moment: Moment,
    recorded: Mapping[str, Instant],
    standing: Mapping[str, Standing] = MappingProxyType({}),
    narrowed: Narrowed = UNNARROWED,
) -> ShownVersion:
    """A version, with what stands of it at a moment; `recorded` says when stages were opened, by their digests."""
    strategy = version.strategy
    opened = strategy.opened(recorded)
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
        requests=None if strategy.requests is None else shown_form(strategy.release, strategy.requests),
        terms=strategy.terms,
        upstream=strategy.inference.upstream if strategy.inference is not None else None,
        model=strategy.inference.model if strategy.inference is not None else None,
        files=strategy.weights.files if strategy.weights is not None else {},
        snapshot=strategy.snapshot or None,
        stages=[
            _stage(
                stage, state, opened, standing.get(stage.name), moment, taken_over=strategy.taken_over(stage, opened)
            )
            for stage, state in zip(strategy.stages, states(strategy, moment, opened, narrowed.standing), strict=True)
        ],
        narrowings=list(narrowed.told),
    )


def _audience(audience: Audience) -> ShownAudience:
    return ShownAudience(
        [
            ShownTest(
                attribute=test.attribute,
                op=test.op,
                value=list(test.value) if isinstance(test.value, tuple) else test.value,
                assurance=test.assurance,
            )
            for test in audience.tests
        ],
        audience.on_unknown,
    )


def _stage(
    stage: Stage,
    state: str,
    opened: Mapping[str, Instant],
    standing: Standing | None,
    moment: Moment,
    *,
    taken_over: tuple[Stage, Instant] | None,
) -> ShownStage:
    conditions, review = stage.conditions, stage.review
    return ShownStage(
        name=stage.name,
        state=state,
        access=stage.access.value,
        opens=shown(stage.opens),
        closes=when(stage.closes),
        gives_way_to=None if taken_over is None else taken_over[0].name,
        gives_way_at=None if taken_over is None else when(taken_over[1]),
        to=list(stage.to),
        offers=[component.value for component in stage.offers],
        terms=list(conditions.terms),
        requests_per_minute=conditions.requests_per_minute,
        tokens_per_day=conditions.tokens_per_day,
        max_output_tokens=conditions.max_output_tokens,
        log=conditions.log,
        retain_days=conditions.retain_days,
        irreversible=stage.irreversible,
        canary=None if stage.canary is None else ShownCanary(stage.canary.percent, stage.canary.salt),
        cap=None if stage.cap is None else ShownCap(stage.cap.organisations, stage.line),
        concurrence=conditions.concurrence or None,
        review=None if review is None else ShownReview(shown(review.by), review.if_overdue, review.is_overdue(moment)),
        perpetual=stage.perpetual,
        opened_at=when(opened.get(stage.name)),
        waits_for=standing.after or None if standing is not None else None,
        basis=standing.basis if standing is not None else None,
        requirements=[ShownRequirement(requires=title(each), met=None, said=None) for each in stage.opens_when]
        if standing is None
        else [
            ShownRequirement(requires=each.title, met=each.answer.met, said=each.answer.said)
            for each in standing.required
        ],
    )
