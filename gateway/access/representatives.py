"""One caller that stands for every organisation of a group: put to the judge as any caller is."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.grants import Grant, Holdings
from gateway.access.populations import Group, Read
from gateway.access.snapshot import InForce
from gateway.clock import NEVER, Instant, Moment
from gateway.identity.callers import Assertion, Caller, Role
from gateway.identity.predicates import Among, attributes_in, tests_in
from gateway.releases.audiences import attributes_read
from gateway.releases.components import Component
from gateway.releases.lines import NOBODY, Line
from gateway.releases.narrowings import InEffect
from gateway.releases.strategies import Strategy

COUNTED = (Role.DEVELOPER, Role.STAFF)
"""As whom organisations are judged: a customer's developer, and staff of the provider's own."""


class Versions(msgspec.Struct, frozen=True):
    """The two versions that are held against each other, and what they read of organisations."""

    before: InForce | None
    after: InForce
    read: Read

    @classmethod
    def of(
        cls,
        before: Strategy | None,
        after: Strategy,
        recorded: Mapping[str, Instant],
        moment: Moment,
        narrowings: Sequence[InEffect] = (),
    ) -> "Versions":
        """Both, with their digests and what was recorded of stages by digest, under the same narrowings.

        A stage whose date is still to come is taken to open by then; one whose date has come is open where that
        was recorded, and shut where it was not. A new version lifts no narrowing.
        """
        versions = [strategy for strategy in (before, after) if strategy is not None]
        held, becomes = (
            None
            if each is None
            else InForce(each, each.digest(), _openings(each, recorded, moment), narrowings=tuple(narrowings))
            for each in (before, after)
        )
        assert becomes is not None
        return cls(held, becomes, what_is_read(versions, narrowings))

    @property
    def narrowings(self) -> tuple[InEffect, ...]:
        """What narrows the release."""
        return self.after.narrowings

    @property
    def strategies(self) -> list[Strategy]:
        """Both, or the new one where there was none."""
        return [version.strategy for version in (self.before, self.after) if version is not None]


def _openings(strategy: Strategy, recorded: Mapping[str, Instant], moment: Moment) -> dict[str, Instant]:
    to_come = {name: opens for name, opens in strategy.by_dates().items() if not moment.maybe_reached(opens)}
    return to_come | strategy.opened(recorded)


def what_is_read(versions: Iterable[Strategy], narrowings: Iterable[InEffect] = ()) -> Read:
    """Everything that versions of one release, and what narrows it, may ask of an organisation."""
    listed, narrowed = list(versions), list(narrowings)
    asked = [*listed, *(each.strategy for each in narrowed if each.strategy is not None)]
    scopes = [scope for each in narrowed for scope in (each.scope, *each.restored)]
    attributes = {read for each in asked for audience in each.audiences.values() for read in attributes_read(audience)}
    attributes |= {read for scope in scopes for read in attributes_in(scope)}
    tests = [test for scope in scopes for test in tests_in(scope) if isinstance(test, Among)]
    canaries = {stage.canary for each in asked for stage in each.stages if stage.canary is not None}
    held = {each.narrowing.taken_at for each in narrowed if each.strategy is not None}
    return Read(
        release=listed[0].release,
        attributes=tuple(sorted(attributes)),
        texts=tuple(sorted({digest for each in asked for digest in each.terms.values()})),
        authorities=tuple(sorted({stage.conditions.concurrence for each in asked for stage in each.stages} - {""})),
        named=tuple(sorted({name for test in tests if test.what == "organisation" for name in test.names})),
        canaries=tuple(sorted(canaries, key=lambda canary: (canary.salt, canary.percent))),
        holds=tuple(sorted(held)),
    )


def components_of(versions: Iterable[Strategy]) -> list[Component]:
    """Every component that some stage offers."""
    return sorted({component for each in versions for stage in each.stages for component in stage.offers})


def caller_of(read: Read, group: Group) -> Caller:
    """One who stands for a whole group: a customer's developer, or staff of the provider's own.

    What is asserted has the highest assurance of those that are asked and that it reaches: nothing asks between them.
    """
    known = {
        sought.name: (value, sought.assurance)  # of one name, the higher assurance comes later
        for sought, value in zip(read.attributes, group.attributes, strict=True)
        if value is not None
    }
    return Caller(
        key="",
        organisation=group.first,
        roles=(Role.STAFF if group.is_provider else Role.DEVELOPER,),
        scopes=None,
        attributes=tuple(
            Assertion(id="", name=name, value=value, issuer="", assurance=assurance, asserted_at=0)
            for name, (value, assurance) in known.items()
        ),
        expires_at=NEVER,
    )


def holdings_of(read: Read, group: Group, accepted: Iterable[str]) -> Holdings:
    """What a group holds towards the release, these texts accepted."""
    had = (instant - 1 for instant, has in zip(read.holds, group.had_grants, strict=True) if has)
    admits = {"admitted_at": next(had, NEVER)} if read.holds else {}
    grant = msgspec.structs.replace(_LASTING, release=read.release, **admits, **_BECAME.get(group.grant, {}))
    grants = {} if group.grant == "none" else {read.release: (grant,)}
    agreed: list[OwnConcurrence] = []
    for authority, state in zip(read.authorities, group.concurrences, strict=True):
        own = msgspec.structs.replace(_AGREED, release=read.release, authority=authority)
        if state != "none":
            given_at = max(read.holds, default=0)
            withdrawn_at = None if state == "standing" else 0
            agreed.append(msgspec.structs.replace(own, given_at=given_at, withdrawn_at=withdrawn_at))
        for place, instant in enumerate(read.holds):
            if (authority, place) in group.had_concurrences:
                agreed.append(msgspec.structs.replace(own, given_at=instant - 1, expires_at=instant + 1))
    return Holdings("", grants, {read.release: frozenset(accepted)}, {read.release: tuple(agreed)})


def in_lines(version: InForce, read: Read, group: Group) -> InForce:
    """A version as it stands for a group: at the back of the shortest front that it stands within."""
    lines: dict[str, Line] = {}
    for front, is_within in reversed(list(zip(read.fronts, group.fronts, strict=True))):
        name = front.known_as or front.line
        standing = max(front.standing, lines.get(name, NOBODY).standing)
        places = {group.first: front.cap} if is_within else lines.get(name, NOBODY).places
        lines[name] = Line(places, standing)
    return msgspec.structs.replace(version, lines=lines)


_AGREED = OwnConcurrence(
    id="", organisation="", release="", authority="", reference="", given_at=0, given_by="", expires_at=NEVER
)
_LASTING = Grant("", "", "", 0, "", "", 0, NEVER)
_BECAME = {"ended": {"revoked_at": 0}, "paused": {"paused_at": 0}, "recertification_due": {"recertify_by": 0}}
"""What makes a grant that lasts one of another kind."""
