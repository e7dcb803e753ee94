"""Who wrote a stage that has requirements, and who agreed that it opens: what is put to whoever judges that.

The judge stands outside (access/stage_judging.py) and cannot be asked inside a transaction. So it is asked on what
was read, and what it answered counts only while all of that still stands.
"""

from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import Connection

from gateway.errors import GatewayError
from gateway.identity.callers import Role
from gateway.identity.lineages import Lineage, known_lineage
from gateway.releases.fulfilment import Known
from gateway.releases.known import Gated
from gateway.releases.requirements import Approvals


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What has been agreed to about one stage, as it stands and on what is known now."""

    stage: str
    """Its digest."""
    basis: str
    authors: tuple[Lineage, ...]
    """Whoever planned a version with the stage as it stands, and whoever brought one into force."""
    agreed: tuple[Lineage, ...]
    """In the order in which they did, on this basis."""
    void: int
    """How many agreed on another one."""
    needed: int
    """How many people the stage asks for; 0 where it asks for nobody."""
    actor: Lineage | None = None
    """Who wants to agree; None where it is to open."""
    roles: tuple[Role, ...] = ()
    """The actor's."""


Judged = Callable[[Agreement], Awaitable[GatewayError | None]]
"""Why it may not pass; None where it may."""


def agreement_of(
    connection: Connection, gated: Gated, known: Known, actor: str = "", roles: tuple[Role, ...] = ()
) -> Agreement:
    """What has been agreed to, before somebody agrees or the stage opens."""
    standing = [each for each in known.approvals if each.basis == gated.basis]
    return Agreement(
        stage=gated.digest,
        basis=gated.basis,
        authors=tuple(sorted(known.authors, key=lambda author: author.person)),
        agreed=tuple(known_lineage(connection, each.given_by) for each in standing),
        void=len(known.approvals) - len(standing),
        needed=max((each.people for each in gated.stage.opens_when if isinstance(each, Approvals)), default=0),
        actor=known_lineage(connection, actor) if actor else None,
        roles=roles,
    )
