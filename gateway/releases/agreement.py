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


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says about a stage, and as what."""

    roles: tuple[Role, ...]
    """The speaker's."""
    acknowledged: bool = False
    """Whether they said to know that it cannot be undone."""
    signed_in_s: int | None = None
    """Whole seconds that may have passed since they last proved themself; None where nobody says when."""
    authority: str = ""
    """Who outside concurs, by their account; empty where they approve themself."""


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
    irreversible: bool
    """Whether what cannot be undone may follow on its opening without another person's word."""
    actor: Lineage | None = None
    """Who wants to agree; None where it is to open."""
    word: Word | None = None
    """What the actor says, and as what."""


Judged = Callable[[Agreement], Awaitable[GatewayError | None]]
"""Why it may not pass; None where it may."""


def agreement_of(
    connection: Connection, gated: Gated, known: Known, actor: str = "", word: Word | None = None
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
        irreversible=gated.irreversible,
        actor=known_lineage(connection, actor) if actor else None,
        word=word,
    )
