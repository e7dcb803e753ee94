"""How many organisations of each sector hold a grant for a release, at any instant, by what was recorded until then."""

from sqlalchemy import Connection

from gateway.access.grants import STANDING
from gateway.access.populations import Read, groups
from gateway.clock import Instant, Moment
from gateway.identity.predicates import Fact, Sought

SECTOR = "sector"
GROUPS_MAX = 100_000


def sectors_admitted(
    connection: Connection, release: str, moment: Moment, known: Instant | None
) -> list[tuple[Fact | None, int]]:
    """Each sector as it is asserted, None where nothing is, with how many hold a grant that is not over."""
    found = groups(connection, Read(release, (Sought(SECTOR),), ()), moment, limit=GROUPS_MAX, known=known)
    return [(group.attributes[0], group.organisations) for group in found if group.grant in STANDING]
