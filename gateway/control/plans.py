"""How changes are shown: what differs, who gains and loses, what it still needs, and what to beware of."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime

import msgspec

from gateway.access.change_decisions import ChangeDecision
from gateway.access.consequences import Consequence, Consequences, Tally
from gateway.access.proposed import Proposed
from gateway.access.telling_changes import told_of
from gateway.access.warnings import warnings_of
from gateway.clock import SECOND, Moment
from gateway.control.wire import shown, when
from gateway.releases.changes.change import OPEN, Approval, Change, ChangeState, late_dates, late_words
from gateway.releases.openings import Standing
from gateway.releases.retention import Ceilings
from gateway.releases.strategies import AccessLevel, Stage


class ShownApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's agreement."""

    key: str
    role: str
    given_at: datetime
    acknowledged: bool
    """Whether they said to know that it cannot be undone."""
    review: bool
    """Whether it was given after the change was applied."""
    void: bool
    """Whether the evidence has changed since, so that it counts no longer."""


class ShownChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change as it stands."""

    id: str
    release: str
    state: str
    """planned, approved, applied, rejected or stale."""
    digest: str
    """What an approval names."""
    strategy: str
    """Digest of the version that it would bring."""
    base: str
    """Digest of the version that it was planned against; empty for none."""
    base_number: int
    policy: str
    grounds: str
    """Digest of the evidence that its gated stages read now; empty where they read none."""
    effect: str
    """widening, narrowing or neutral."""
    irreversible: bool
    author: str
    planned_at: datetime
    approvals: list[ShownApproval]
    closed_at: datetime | None
    closed_by: str
    cause: str
    review: str
    """Of what was applied on one person's word: none, due, overdue or done."""
    review_by: datetime | None


class ShownNeed(msgspec.Struct, frozen=True):
    """Something that is missing before the change can be applied."""

    code: str
    message: str


class ShownDifference(msgspec.Struct, frozen=True):
    """One difference from the version it was planned against."""

    path: str
    before: str | int | bool | list[str] | None
    after: str | int | bool | list[str] | None
    effect: str
    irreversible: bool


class ShownConsequence(msgspec.Struct, frozen=True, kw_only=True):
    """Who gains and who loses one component, from when until when."""

    begins: datetime
    until: datetime | None
    stage: str | None
    if_met: bool
    """Whether that stage opens only when requirements hold, which they are here taken to do at its date."""
    component: str
    organisations: Tally
    audiences: dict[str, Tally]
    gaining: list[str]
    """Some of them; how many there are stands beside."""
    losing: list[str]


class ShownGate(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the new version that opens by requirements, as things stand today."""

    stage: str
    not_before: datetime
    opened_at: datetime | None
    """Where its opening was recorded, which the new version keeps."""
    missing: list[str]
    """Requirements that do not hold today, and what each lacks."""


class ShownWarning(msgspec.Struct, frozen=True):
    """Something to beware of."""

    code: str
    message: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A change with everything that whoever agrees to it should see."""

    change: ShownChange
    needs: list[ShownNeed]
    """What is missing before a provider can apply it; empty once it can be, and once it is closed."""
    applicable_from: datetime
    """The earliest instant at which it can be applied, approvals given."""
    differences: list[ShownDifference]
    consequences: list[ShownConsequence]
    gates: list[ShownGate]
    warnings: list[ShownWarning]
    file: str
    """The release file as it was sent."""


def shown_change(proposed: Proposed, policy: str, moment: Moment) -> ShownChange:
    """A change as it stands at a moment."""
    change = proposed.change
    is_stale = change.state in OPEN and not proposed.is_current(policy)
    is_void = change.state is ChangeState.APPROVED and any(map(proposed.is_void, change.consents))
    return ShownChange(
        id=change.id,
        release=change.release,
        state="stale" if is_stale or is_void else change.state.value,
        digest=change.digest,
        strategy=change.strategy.digest(),
        base=change.base.digest,
        base_number=change.base.number,
        policy=change.policy,
        grounds=proposed.grounds,
        effect=proposed.weighed.effect.value,
        irreversible=proposed.weighed.irreversible,
        author=change.author,
        planned_at=shown(change.planned_at),
        approvals=[_approval(each, void=proposed.is_void(each)) for each in change.consents],
        closed_at=when(change.closed_at),
        closed_by=change.closed_by,
        cause=change.cause,
        review=_review(change, moment),
        review_by=when(change.review_by),
    )


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found out about a change, to be shown."""

    consequences: Consequences
    outlook: ChangeDecision
    gates: Mapping[str, Standing]
    """By name of a stage of the new version."""
    ceilings: Ceilings


def shown_plan(proposed: Proposed, foreseen: Foreseen, policy: str, moment: Moment) -> Plan:
    """A change with what it does and what it needs."""
    consequences, outlook = foreseen.consequences, foreseen.outlook
    waiting = _waiting(proposed.change.strategy.stages, foreseen.gates)
    change = proposed.change
    missing = outlook.reasons if change.state in OPEN else ()
    late = late_dates(change, proposed.base, moment) if change.state in OPEN and proposed.is_current(policy) else []
    return Plan(
        change=shown_change(proposed, policy, moment),
        needs=[
            *(ShownNeed("change_late", late_words(*each)) for each in late),
            *(ShownNeed(reason.value, told_of(reason, proposed, policy, outlook.waits_s)) for reason in missing),
        ],
        applicable_from=shown(change.planned_surely_at + outlook.waits_s * SECOND),
        differences=[
            ShownDifference(each.path, each.before, each.after, each.effect.value, each.irreversible)
            for each in proposed.weighed.differences
        ],
        consequences=[_consequence(step, waiting) for step in consequences.steps],
        gates=[_gate(stage, foreseen.gates[stage.name]) for stage in change.strategy.stages if stage.is_gated],
        warnings=[
            ShownWarning(each.code, each.message)
            for each in warnings_of(proposed, consequences, moment, foreseen.ceilings)
        ],
        file=change.file.decode(),
    )


def _waiting(stages: Sequence[Stage], gates: Mapping[str, Standing]) -> set[str]:
    """Stages that open only when requirements hold: their own, or those of one before."""
    shut, found = False, set()
    for stage in stages:
        shut = shut or (stage.is_gated and gates[stage.name].opened_at is None)
        if shut and (stage.is_gated or stage.access is not AccessLevel.CLOSED):
            found.add(stage.name)
    return found


def _gate(stage: Stage, standing: Standing) -> ShownGate:
    return ShownGate(
        stage=stage.name,
        not_before=shown(stage.opens),
        opened_at=when(standing.opened_at),
        missing=[f"{each.title}: {each.answer.said}" for each in standing.required if not each.answer.met],
    )


def _approval(approval: Approval, *, void: bool) -> ShownApproval:
    return ShownApproval(
        key=approval.key,
        role=approval.role,
        given_at=shown(approval.given_at),
        acknowledged=approval.acknowledged,
        review=approval.after,
        void=void,
    )


def _review(change: Change, moment: Moment) -> str:
    if change.review_by is None:
        return "none"
    if change.reviews:
        return "done"
    return "overdue" if change.is_review_overdue(moment) else "due"


def _consequence(step: Consequence, waiting: Container[str]) -> ShownConsequence:
    return ShownConsequence(
        begins=shown(step.begins),
        until=when(step.until),
        stage=step.stage,
        if_met=step.stage is not None and step.stage in waiting,
        component=step.component.value,
        organisations=step.tally,
        audiences=dict(step.audiences),
        gaining=list(step.gaining),
        losing=list(step.losing),
    )
