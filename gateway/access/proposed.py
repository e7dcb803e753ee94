"""A change as it stands, read whole, and the questions that it puts to the judge."""

from collections.abc import Mapping
from functools import cache

import msgspec
from sqlalchemy import Connection

from gateway.access.change_questions import ActOnChange, ChangeQuestion
from gateway.access.parties import consent_of, party_of
from gateway.clock import Moment
from gateway.errors import NotFound
from gateway.identity.callers import Role
from gateway.identity.lineages import Lineage, lineage_of
from gateway.releases import store
from gateway.releases.changes import store as changes
from gateway.releases.changes.acting import base_of
from gateway.releases.changes.change import OPEN, Approval, Base, Change, ChangeState, Weighed, weigh
from gateway.releases.changes.grounds import known_of
from gateway.releases.recorded import records_of
from gateway.releases.strategies import Strategy
from gateway.releases.versions import StrategyVersion


class Proposed(msgspec.Struct, frozen=True):
    """A change, what it was planned against, what is in force, and who stands behind the keys in it."""

    change: Change
    base: Strategy | None
    """The strategy that it was planned against."""
    in_force: Base
    weighed: Weighed
    grounds: str
    """Digest of the evidence that its gated stages read now."""
    lineages: Mapping[str, Lineage]
    """Of the author, of everybody who agreed, and of whoever asks, by key."""

    def as_version(self, moment: Moment) -> StrategyVersion:
        """The version that it would be, were its author to apply it now."""
        change = self.change
        return StrategyVersion(
            strategy=change.strategy,
            digest=change.strategy.digest(),
            number=self.in_force.number + 1,
            previous=self.in_force.digest,
            applied_at=moment.latest,
            applied_by=change.author,
            adopted=change.adopt,
        )

    @property
    def consents(self) -> tuple[Approval, ...]:
        """Approvals that count: of exactly this change, on the evidence as it is now."""
        return self.change.consents_on(self.grounds)

    def is_void(self, approval: Approval) -> bool:
        """Whether the evidence is another one than when this was given, and the change not yet closed."""
        return self.change.state in OPEN and approval not in self.consents

    def is_current(self, policy: str) -> bool:
        """Whether what it was planned against is still in force."""
        return self.change.is_current(self.in_force, policy)


class Acting(msgspec.Struct, frozen=True):
    """Who wants to do something about a change, and as what."""

    key: str
    roles: tuple[Role, ...]
    role: str
    """The one that it would be done in."""
    acknowledged: bool = False
    asks_sign_in: bool = False
    """Whether people sign in at this gateway."""
    signed_in_s: int | None = None
    """Whole seconds that may have passed since this one last proved themself; None where that is not known."""


class Surroundings:
    """What changes are held against, read once for all changes of a release that are shown together."""

    def __init__(self, connection: Connection) -> None:
        self.in_force = cache(lambda release: base_of(store.version_in_force(connection, release)))
        self.records = cache(lambda release: records_of(connection, release))
        self.grounds = cache(lambda release: known_of(connection, release))
        self.base = cache(lambda release, number: _version(connection, release, number))


def _version(connection: Connection, release: str, number: int) -> Strategy | None:
    return store.versions(connection, release, before=number + 1, limit=1)[0].strategy if number else None


def read_proposed(connection: Connection, change_id: str, *keys: str) -> Proposed:
    """A change as it stands, with who stands behind it and behind these keys. Raises NotFound."""
    change = changes.change_by_id(connection, change_id)
    if change is None:
        raise NotFound(f"There is no change `{change_id}`.")
    people = {change.author, *(approval.key for approval in change.consents), *keys}
    lineages = {key: lineage_of(connection, key) for key in people}
    return msgspec.structs.replace(proposed_of(Surroundings(connection), change), lineages=lineages)


def proposed_of(around: Surroundings, change: Change) -> Proposed:
    """A change as it stands, without the people: enough to show it, not to judge it."""
    base = around.base(change.release, change.base.number)
    return Proposed(
        change=change,
        base=base,
        in_force=around.in_force(change.release),
        weighed=weigh(change, base, around.records(change.release).by(change.closed_at)),
        grounds=around.grounds(change.release).digest_for(change.strategy),
        lineages={},
    )


def question(act: ActOnChange, proposed: Proposed, who: Acting, policy: str, moment: Moment) -> ChangeQuestion:
    """What the judge is asked about an act on a change. Pure: the same values give the same question."""
    change, weighed = proposed.change, proposed.weighed
    return ChangeQuestion(
        act=act.value,
        state=change.state.value,
        is_current=proposed.is_current(policy),
        effect=weighed.effect.value,
        irreversible=weighed.irreversible,
        authors=(party_of(proposed.lineages[change.author]),),
        actor=consent_of(proposed.lineages[who.key], who.role, who.acknowledged, change.planned_surely_at),
        actor_roles=tuple(role.value for role in who.roles),
        consents=tuple(
            consent_of(proposed.lineages[approval.key], approval.role, approval.acknowledged, change.planned_surely_at)
            for approval in proposed.consents
        ),
        consents_needed=0,
        consents_void=len(change.consents) - len(proposed.consents),
        planned_for_s=change.waited_s(moment),
        asks_sign_in=who.asks_sign_in,
        signed_in_s=who.signed_in_s,
    )


def application(proposed: Proposed, policy: str, moment: Moment) -> ChangeQuestion:
    """Whether it might be applied, were a provider's key of the author's to apply it."""
    author = Acting(proposed.change.author, (Role.PROVIDER,), Role.PROVIDER)
    return question(ActOnChange.APPLY, proposed, author, policy, moment)


def with_approval(proposed: Proposed, approval: Approval) -> Proposed:
    """The same, agreed to by one more."""
    others = tuple(each for each in proposed.change.approvals if each.key != approval.key)
    change = msgspec.structs.replace(proposed.change, approvals=(*others, approval))
    return msgspec.structs.replace(proposed, change=change)


def act_of(change: Change) -> ActOnChange:
    """What agreeing to a change is: approving it, or reviewing it once it is applied."""
    return ActOnChange.REVIEW if change.state is ChangeState.APPLIED else ActOnChange.APPROVE
