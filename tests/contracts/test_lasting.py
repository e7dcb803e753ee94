"""Whether what is read of organisations lasts, on both engines: exactly while grouping them says the same."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from gateway.access import store as access
from gateway.access.concurrences.store import add_concurrence
from gateway.access.lasting import lasts
from gateway.access.populations import Read, groups
from gateway.clock import DAY, Moment, at
from gateway.database.engine import Database
from gateway.identity import store
from gateway.identity.organisations import Organisation
from gateway.identity.predicates import Sought
from tests.builders import a_concurrence, a_grant, an_assertion

NOW = Moment(20_000 * DAY, 20_000 * DAY + 5)
THEN = NOW.latest + DAY
PATIENCE_S = 30.0
READ = Read("acme/atlas-1", (Sought("kyc"), Sought("kyc", 2)), (), authorities=("Commerce",))


def turning(date: int) -> dict[str, Any]:
    """Everything that begins or ends at an instant."""
    return {
        "asserted": an_assertion("kyc", "K3", asserted_at=date),
        "no longer asserted": an_assertion("kyc", "K3", expires_at=date),
        "given": a_grant(starts_at=date),
        "over": a_grant(ends_at=date),
        "recertification due": a_grant(recertify_by=date),
        "agreed no more": a_concurrence(expires_at=date),
    }


def keep(each: Any) -> Any:
    """Write one of them, of acme."""

    def work(connection: Connection) -> None:
        store.add_organisation(connection, Organisation("acme", "Acme", 0, ""))
        if hasattr(each, "assurance"):
            store.add_assertion(connection, "acme", each, "")
        elif hasattr(each, "starts_at"):
            access.add_grant(connection, each)
        else:
            add_concurrence(connection, each)

    return work


def told(connection: Connection, moment: Moment) -> list[Any]:
    """The groups, as they are grouped."""
    return [group.row for group in groups(connection, READ, moment, limit=9)]


@pytest.mark.parametrize("what", turning(0))
async def test_it_lasts_until_something_begins_or_ends_and_then_no_longer(database: Database, what: str) -> None:
    await database.write(keep(turning(THEN)[what]))

    for before, after in ((NOW, at(THEN - 1)), (at(THEN - 1), at(THEN)), (at(THEN), at(THEN + DAY)), (NOW, at(THEN))):
        lasted = await database.read(lambda c, a=before, b=after: lasts(c, READ, a, b), deadline_s=PATIENCE_S)
        one, other = [
            await database.read(lambda c, m=moment: told(c, m), deadline_s=PATIENCE_S) for moment in (before, after)
        ]
        assert lasted == (one == other) == (not before.earliest < THEN <= after.earliest)


async def test_what_nobody_reads_may_turn(database: Database) -> None:
    withdrawn = msgspec.structs.replace(turning(THEN)["agreed no more"], withdrawn_at=NOW.earliest)
    await database.write(keep(withdrawn))
    await database.write(lambda c: access.add_grant(c, a_grant(release="acme/other", ends_at=THEN)))
    await database.write(lambda c: store.add_assertion(c, "acme", an_assertion("x_other", "a", expires_at=THEN), ""))

    assert await database.read(lambda connection: lasts(connection, READ, NOW, at(THEN)))
