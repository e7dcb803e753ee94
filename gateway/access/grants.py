"""Grants and accepted terms: what an organisation holds towards a release."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from gateway.access.concurrences.records import OwnConcurrence
from gateway.clock import Instant, Moment

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

    def is_active(self, moment: Moment) -> bool:
        """Whether it surely has begun and cannot have ended."""
        return (
            self.revoked_at is None and moment.surely_reached(self.starts_at) and not moment.maybe_reached(self.ends_at)
        )

    def state(self, moment: Moment) -> str:
        """to come, active, ended or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if moment.maybe_reached(self.ends_at):
            return "ended"
        return "active" if moment.surely_reached(self.starts_at) else "to come"


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

    def had_grant(self, release: str, moment: Moment) -> bool:
        """Whether a grant was revoked or may have run out."""
        return any(
            grant.revoked_at is not None or moment.maybe_reached(grant.ends_at)
            for grant in self.grants.get(release, ())
        )

    def grant_to_come(self, release: str, moment: Moment) -> Grant | None:
        """The grant that begins next, or None."""
        coming = [grant for grant in self.grants.get(release, ()) if grant.state(moment) == "to come"]
        return min(coming, key=lambda grant: grant.starts_at, default=None)

    def boundaries(self, release: str) -> Iterable[Instant]:
        """Instants at which a grant for this release begins or ends, or a concurrence ends."""
        for concurrence in self.concurrences.get(release, ()):
            yield concurrence.expires_at
        for grant in self.grants.get(release, ()):
            yield grant.starts_at
            yield grant.ends_at
