"""The facts of a use by an instant, and the policies that judged it: what stands, without what was recorded since."""

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.access.grants import Holdings
from gateway.access.snapshot import InForce
from gateway.clock import Instant
from gateway.ledger.acts import latest_by, subjects_after
from gateway.ledger.entries import Event
from gateway.releases.past import stood


def in_force_by(connection: Connection, release: str, known: Instant | None) -> InForce | None:
    """The release as the gate had it, by everything that was recorded until an instant, or ever."""
    found = stood(connection, release, known)
    if found is None:
        return None
    return InForce(found.version.strategy, found.version.digest, found.openings, found.narrowings)


def holdings_by(connection: Connection, organisation: str, known: Instant | None) -> Holdings:
    """What an organisation held."""
    held = store.holdings(connection, organisation)
    if known is None:
        return held
    given, revoked, accepted = (
        subjects_after(connection, known, event, organisation=organisation)
        for event in (Event.GRANT_GIVEN, Event.GRANT_REVOKED, Event.TERMS_ACCEPTED)
    )
    grants = [
        msgspec.structs.replace(grant, revoked_at=None, revoked_cause=None) if grant.id in revoked else grant
        for of_release in held.grants.values()
        for grant in of_release
        if grant.id not in given
    ]
    acceptances = store.acceptances(connection, organisation)
    return Holdings.of(organisation, grants, [each for each in acceptances if each.id not in accepted])


def policy_by(connection: Connection, known: Instant) -> str | None:
    """Digest of the policy set that judged; None where none was recorded by then."""
    return latest_by(connection, known, Event.POLICY_CHANGED)
