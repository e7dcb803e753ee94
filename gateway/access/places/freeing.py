"""Taking an organisation out of its line, and who is let in by that; in a transaction under the ledger's lock."""

from sqlalchemy import Connection

from gateway.access.places import store
from gateway.access.places.records import Place
from gateway.clock import Instant
from gateway.errors import Conflict
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch
from gateway.releases.store import version_in_force


def free(
    connection: Connection, place: Place, freed_at: Instant, freed_by: str, cause: str
) -> tuple[Place, tuple[str, ...], Act]:
    """The place as it is freed, whoever is let in by it, and the act to record. Raises Conflict."""
    before = _admitted(connection, place)
    if not store.free_place(connection, place.id, freed_at, freed_by, cause):
        raise Conflict(
            f"The place `{place.id}` was freed before.",
            next_step=f"See who stands in line now: `gateway release places {place.release}`.",
        )
    let_in = tuple(name for name in _admitted(connection, place) if name not in before)
    freed = store.place_by_id(connection, place.id)
    assert freed is not None
    return freed, let_in, _act(freed, cause, let_in)


def _admitted(connection: Connection, place: Place) -> list[str]:
    """Whoever some stage of the version in force admits from the line of this place."""
    version = version_in_force(connection, place.release)
    caps = [each.cap for each in (version.strategy.stages if version is not None else ()) if each.line == place.line]
    most = max((cap.organisations for cap in caps if cap is not None), default=0)
    return store.first(connection, place.release, place.line, most)


def _act(place: Place, cause: str, let_in: tuple[str, ...]) -> Act:
    return Act(
        event=Event.PLACE_FREED,
        subject=place.id,
        organisation=place.organisation,
        release=place.release,
        detail={"line": place.line, "number": place.number, "cause": cause, "lets_in": list(let_in)},
        touches=(Touch("release", place.release),),
    )
