"""Incidents of a release: what went wrong, until it is closed. Each with its entry, in one transaction."""

import secrets

from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.database.engine import Database
from gateway.errors import Conflict, NotFound
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger
from gateway.releases.evidence import store
from gateway.releases.evidence.records import Incident
from gateway.releases.store import version_in_force


class Incidents:
    """Everything that went wrong, release by release."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def open(self, actor: Actor, release: str, summary: str, moment: Moment) -> Incident:
        """Record that something went wrong. Raises NotFound for a release that there is not."""
        incident = Incident(
            id=f"incident_{secrets.token_hex(12)}",
            release=release,
            summary=summary,
            opened_at=moment.latest,
            opened_by=actor.key,
        )

        def work(connection: Connection) -> tuple[Incident, list[Act]]:
            if version_in_force(connection, release) is None:
                raise NotFound(f"There is no release `{release}`.", next_step="See `gateway release list`.")
            store.add_incident(connection, incident)
            return incident, [_act(Event.INCIDENT_OPENED, incident, {"summary": summary})]

        return await self._ledger.administer(actor, work)

    async def close(self, actor: Actor, incident_id: str, cause: str, moment: Moment) -> Incident:
        """Record that it is over. Raises NotFound, or Conflict where it was before."""

        def work(connection: Connection) -> tuple[Incident, list[Act]]:
            done = store.close_incident(connection, incident_id, moment.latest, cause)
            incident = store.incident_by_id(connection, incident_id)
            if incident is None:
                raise NotFound(f"There is no incident `{incident_id}`.")
            if not done:
                raise Conflict(f"The incident `{incident_id}` was closed before.")
            return incident, [_act(Event.INCIDENT_CLOSED, incident, {"cause": cause})]

        return await self._ledger.administer(actor, work)

    async def incidents(self, *, release: str, after: str, limit: int) -> list[Incident]:
        """Incidents in order of id, after the given one."""
        return await self._database.read(lambda c: store.incidents(c, release=release, after=after, limit=limit))


def _act(event: Event, incident: Incident, detail: dict[str, str]) -> Act:
    return Act(event=event, subject=incident.id, release=incident.release, detail={**detail})
