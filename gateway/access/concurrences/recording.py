"""Recording that an authority agrees to one organisation's use of a release, and that it does no longer."""

from sqlalchemy import Connection

from gateway.access.concurrences import store
from gateway.access.concurrences.records import OwnConcurrence
from gateway.clock import Moment, text_from
from gateway.database.engine import Readable
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.identity.lineages import known_lineage
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases.evidence.records import A_LATER_END


class Concurrences:
    """Concurrences with organisations, for every release."""

    def __init__(self, database: Readable, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def give(self, actor: Actor, concurrence: OwnConcurrence, moment: Moment) -> OwnConcurrence:
        """Record one; in force everywhere within a second.

        Raises Invalid where it would have expired, and Forbidden where no person says so.
        """
        if not concurrence.stands(moment):
            raise Invalid("The concurrence would have expired already.", param="expires_at", next_step=A_LATER_END)

        def work(connection: Connection) -> tuple[OwnConcurrence, list[Act]]:
            if known_lineage(connection, actor.key).is_machine:
                raise Forbidden(
                    "A client or a workload does not say that an authority concurs: that takes a person.",
                    code="machine_cannot_agree",
                    next_step="Sign in, or use a key of your own.",
                )
            store.add_concurrence(connection, concurrence)
            detail: dict[str, str | int | bool | list[str]] = {
                "authority": concurrence.authority,
                "reference": concurrence.reference,
                "expires_at": text_from(concurrence.expires_at),
            }
            return concurrence, [_act(Event.OWN_CONCURRENCE_GIVEN, concurrence, detail)]

        return await self._ledger.administer(actor, work)

    async def withdraw(self, actor: Actor, concurrence_id: str, cause: str, moment: Moment) -> OwnConcurrence:
        """End one at once. Raises NotFound, or Conflict where it was withdrawn before."""

        def work(connection: Connection) -> tuple[OwnConcurrence, list[Act]]:
            if not store.withdraw_concurrence(connection, concurrence_id, moment.latest, cause):
                if store.concurrence_by_id(connection, concurrence_id) is None:
                    raise NotFound(f"There is no concurrence `{concurrence_id}`.")
                raise Conflict(f"The concurrence `{concurrence_id}` was withdrawn before.")
            withdrawn = store.concurrence_by_id(connection, concurrence_id)
            assert withdrawn is not None
            return withdrawn, [_act(Event.OWN_CONCURRENCE_WITHDRAWN, withdrawn, {"cause": cause})]

        return await self._ledger.administer(actor, work)

    async def concurrences(self, *, organisation: str, release: str, after: str, limit: int) -> list[OwnConcurrence]:
        """Concurrences in order of id, after the given one."""
        return await self._database.read(
            lambda connection: store.concurrences(
                connection, organisation=organisation, release=release, after=after, limit=limit
            )
        )


def _act(event: Event, concurrence: OwnConcurrence, detail: dict[str, str | int | bool | list[str]]) -> Act:
    return Act(
        event=event,
        subject=concurrence.id,
        organisation=concurrence.organisation,
        release=concurrence.release,
        detail=detail,
        touches=(Touch("organisation", concurrence.organisation),),
    )
