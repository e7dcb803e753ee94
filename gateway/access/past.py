"""The facts of a use by an instant, and the policies that judged it: what stands, without what was recorded since."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.grants import Grant, Holdings
from gateway.access.in_force import left
from gateway.access.places.store import lines
from gateway.access.snapshot import InForce
from gateway.clock import Instant, instant_written
from gateway.ledger.acts import Recorded, acts_on, entry_of, latest_by, recorded_after, subjects_after
from gateway.ledger.events import Event
from gateway.releases.past import stood

_OF_A_GRANT = (
    Event.GRANT_GIVEN, Event.GRANT_REVOKED, Event.GRANT_SUPERSEDED, Event.GRANT_PAUSED, Event.GRANT_RESUMED,
    Event.GRANT_RECERTIFIED,
)  # fmt: skip


def in_force_by(connection: Connection, release: str, known: Instant | None) -> InForce | None:
    """The release as the gate had it, by everything that was recorded until an instant, or ever."""
    found = stood(connection, release, known)
    if found is None:
        return None
    strategy = found.version.strategy
    return InForce(
        strategy,
        found.version.digest,
        found.openings,
        found.narrowings,
        lines(connection, release, strategy.stages, left(found.narrowings), known),
    )


def holdings_by(connection: Connection, organisation: str, known: Instant | None) -> Holdings:
    """What an organisation held."""
    held = store.holdings(connection, organisation)
    if known is None:
        return held
    accepted = subjects_after(connection, known, Event.TERMS_ACCEPTED, organisation=organisation)
    acceptances = store.acceptances(connection, organisation)
    grants = [grant for of_release in held.grants.values() for grant in of_release]
    concurrences = [each for of_release in held.concurrences.values() for each in of_release]
    return Holdings.of(
        organisation,
        _grants_by(connection, grants, organisation, known),
        [each for each in acceptances if each.id not in accepted],
        _concurrences_by(connection, concurrences, organisation, known),
    )


def _grants_by(connection: Connection, grants: Sequence[Grant], organisation: str, known: Instant) -> Iterator[Grant]:
    """Those that had been given, each as it stood."""
    since: dict[str, list[Recorded]] = {}
    for act in recorded_after(connection, known, _OF_A_GRANT, organisation=organisation):
        since.setdefault(act.subject, []).append(act)
    for grant in grants:
        acts = since.get(grant.id, [])
        if all(act.event != Event.GRANT_GIVEN for act in acts):
            yield _as_it_was(connection, grant, acts)


def _as_it_was(connection: Connection, grant: Grant, since: Sequence[Recorded]) -> Grant:
    """A grant before what was done about it since: where that overwrote something, an entry says what."""
    was: dict[str, Any] = {"recertification_noted": None}  # whether that was noted is news of today
    for act in reversed(since):
        match act.event:
            case Event.GRANT_REVOKED:
                was |= {"revoked_at": None, "revoked_cause": None}
            case Event.GRANT_SUPERSEDED:
                was |= {"superseded_at": None, "superseded_by": ""}
            case Event.GRANT_PAUSED:
                was |= {"paused_at": None, "paused_cause": ""}
            case Event.GRANT_RESUMED:
                paused = instant_written(entry_of(connection, act).body["detail"]["paused_at"])
                was |= {"paused_at": paused, "paused_cause": _said_before(connection, act, Event.GRANT_PAUSED)["cause"]}
            case Event.GRANT_RECERTIFIED:
                by = _said_before(connection, act, Event.GRANT_GIVEN, Event.GRANT_RECERTIFIED).get("recertify_by")
                was["recertify_by"] = None if by is None else instant_written(by)
    return msgspec.structs.replace(grant, **was)


def _said_before(connection: Connection, act: Recorded, *events: Event) -> dict[str, Any]:
    """What the entry of the last such act before another on the same subject tells."""
    before = [each for each in acts_on(connection, act.subject, events) if each.index < act.index]
    detail: dict[str, Any] = entry_of(connection, before[-1]).body.get("detail", {})
    return detail


def _concurrences_by(
    connection: Connection, concurrences: Sequence[OwnConcurrence], organisation: str, known: Instant
) -> Iterator[OwnConcurrence]:
    given, withdrawn = (
        subjects_after(connection, known, event, organisation=organisation)
        for event in (Event.OWN_CONCURRENCE_GIVEN, Event.OWN_CONCURRENCE_WITHDRAWN)
    )
    stood: dict[str, Any] = {"withdrawn_at": None, "withdrawn_cause": None}
    for each in concurrences:
        if each.id not in given:
            yield msgspec.structs.replace(each, **stood if each.id in withdrawn else {})


def policy_by(connection: Connection, known: Instant) -> str | None:
    """Digest of the policy set that judged; None where none was recorded by then."""
    return latest_by(connection, known, Event.POLICY_CHANGED)
