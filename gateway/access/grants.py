"""Grants and accepted terms: what an organisation holds towards a release."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from gateway.access.concurrences.records import OwnConcurrence
from gateway.clock import DAY, Instant, Moment

REMINDER = 14 * DAY
"""How long before a grant must be looked at again people are reminded."""

NO_CONCURRENCES: Mapping[str, tuple[OwnConcurrence, ...]] = MappingProxyType({})


class Grant(msgspec.Struct, frozen=True):
    """One organisation's admission to a limited release."""

    id: str
    organisation: str
    release: str
    given_at: Instant
    given_by: str
    """Public id of the key that gave it."""
    authority: str
    """On whose word: a contract, a ticket, a concurrence."""
    starts_at: Instant
    ends_at: Instant
    revoked_at: Instant | None = None
    revoked_cause: str | None = None
    request: str = ""
    """Id of the request that it was given for; empty where nobody asked."""
    terms: str = "{}"
    """Digests of the release's texts when it was given, by name, as JSON."""
    paused_at: Instant | None = None
    """Since when it is paused; None while it is not."""
    paused_cause: str = ""
    superseded_at: Instant | None = None
    superseded_by: str = ""
    """Id of the grant that took its place."""
    recertify_by: Instant | None = None
    """From when it admits nobody until somebody has looked at it again; None: it need not be."""
    recertify_every: int | None = None
    """In microseconds."""
    recertification_noted: Instant | None = None
    """When it was noticed that it is overdue; None once it was looked at."""
    admitted_at: Instant | None = None
    """Since when others had admitted the organisation, which it follows without a break; None: it follows none."""

    @property
    def admits_since(self) -> Instant:
        """Since when the organisation is admitted by it, and by those that it follows."""
        return max(self.given_at, self.starts_at) if self.admitted_at is None else self.admitted_at

    def following(self, held: Iterable["Grant"], moment: Moment) -> "Grant":
        """The same, in the place of those that admit when it is given: whoever was admitted before stays so."""
        before = [each.admits_since for each in held if each.is_active(moment) and self.starts_at <= each.ends_at]
        return msgspec.structs.replace(self, admitted_at=min(before)) if before else self

    def is_active(self, moment: Moment) -> bool:
        """Whether it surely has begun, cannot have ended, and nothing stands in its way."""
        return self.state(moment) == "active"

    def state(self, moment: Moment) -> str:
        """to come, active, paused, recertification_due, expired, superseded or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if self.superseded_at is not None:
            return "superseded"
        if moment.maybe_reached(self.ends_at):
            return "expired"
        if self.paused_at is not None:
            return "paused"
        if self.recertify_by is not None and moment.maybe_reached(self.recertify_by):
            return "recertification_due"
        return "active" if moment.surely_reached(self.starts_at) else "to come"

    def is_to_be_recertified(self, moment: Moment) -> bool:
        """Whether somebody should look at it again soon, or should have."""
        return (
            self.recertify_by is not None
            and self.state(moment) in LASTING
            and moment.maybe_reached(self.recertify_by - REMINDER)
        )


LASTING = ("to come", "active", "paused", "recertification_due")
"""States in which a grant admits, or may admit again."""

STANDING = ("active", "paused", "recertification_due")
"""What the judge is told of several grants: the first of these that one of them is in."""


class Acceptance(msgspec.Struct, frozen=True):
    """One text of terms, accepted for one release by one organisation."""

    id: str
    organisation: str
    release: str
    name: str
    digest: str
    accepted_at: Instant
    accepted_by: str
    """Public id of the key that accepted."""


class Holdings(msgspec.Struct, frozen=True):
    """What one organisation holds, kept whole: looked up once, dropped when the feed names the organisation."""

    organisation: str
    grants: Mapping[str, tuple[Grant, ...]]
    """By release."""
    accepted: Mapping[str, frozenset[str]]
    """Digests of accepted texts, by release."""
    concurrences: Mapping[str, tuple[OwnConcurrence, ...]] = NO_CONCURRENCES
    """Of authorities outside with this organisation, by release."""

    @classmethod
    def of(
        cls,
        organisation: str,
        grants: Iterable[Grant],
        acceptances: Iterable[Acceptance],
        concurrences: Iterable[OwnConcurrence] = (),
    ) -> "Holdings":
        """Group rows by release."""
        agreed: dict[str, tuple[OwnConcurrence, ...]] = {}
        for concurrence in concurrences:
            agreed[concurrence.release] = (*agreed.get(concurrence.release, ()), concurrence)
        by_release: dict[str, list[Grant]] = {}
        for grant in grants:
            by_release.setdefault(grant.release, []).append(grant)
        accepted: dict[str, set[str]] = {}
        for acceptance in acceptances:
            accepted.setdefault(acceptance.release, set()).add(acceptance.digest)
        return cls(
            organisation,
            {release: tuple(held) for release, held in by_release.items()},
            {release: frozenset(digests) for release, digests in accepted.items()},
            agreed,
        )

    def grant_for(self, release: str, moment: Moment) -> Grant | None:
        """The active grant that lasts longest, or None."""
        active = [grant for grant in self.grants.get(release, ()) if grant.is_active(moment)]
        return max(active, key=lambda grant: grant.ends_at, default=None)

    def grant_standing(self, release: str, moment: Moment) -> str:
        """How it stands with all grants together: active, paused, recertification_due, ended or none."""
        states = {grant.state(moment) for grant in self.grants.get(release, ())}
        standing = next((state for state in STANDING if state in states), "")
        return standing or ("ended" if states - {"to come"} else "none")

    def grant_to_come(self, release: str, moment: Moment) -> Grant | None:
        """The grant that begins next, or None."""
        coming = [grant for grant in self.grants.get(release, ()) if grant.state(moment) == "to come"]
        return min(coming, key=lambda grant: grant.starts_at, default=None)

    def boundaries(self, release: str) -> Iterable[Instant]:
        """Instants at which a grant begins, ends or must have been looked at again, or a concurrence ends."""
        for concurrence in self.concurrences.get(release, ()):
            yield concurrence.expires_at
        for grant in self.grants.get(release, ()):
            yield grant.starts_at
            yield grant.ends_at
            if grant.recertify_by is not None:
                yield grant.recertify_by
