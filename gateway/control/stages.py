"""`/control/releases/…/stages`: approving that a stage opens, and recording which authority concurs with it."""

import secrets
from datetime import datetime

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from gateway.clock import Moment
from gateway.control.areas import Asking, By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import Body, Digest, DocumentInPath, Line, PartInPath, When, instant_in, shown
from gateway.identity.callers import Caller, Role
from gateway.releases.agreement import Word
from gateway.releases.evidence.records import Concurrence


class NewApproval(Body, frozen=True):
    """What the approver saw."""

    basis: Digest | None = None
    """As the release shows it for the stage; refused where it is another by now. Left out: whatever stands."""
    cannot_be_undone: bool = False
    """Says: I know that this cannot be undone. Needed where that is so."""


class GivenApproval(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word for opening a stage."""

    id: str
    release: str
    stage: str
    digest: str
    """Of the stage as it stands: another one needs another approval."""
    basis: str
    """Digest of that and the evidence: it is void as soon as either changes."""
    given_at: datetime
    given_by: str


class NewConcurrence(Body, frozen=True):
    """Who concurs, where that can be looked up, and until when."""

    authority: Line
    reference: Line
    expires_at: When
    cannot_be_undone: bool = False
    """Says: I know that this cannot be undone. Needed where that is so."""


class GivenConcurrence(msgspec.Struct, frozen=True, kw_only=True):
    """An authority's concurrence with opening a stage."""

    id: str
    release: str
    stage: str
    digest: str
    authority: str
    reference: str
    expires_at: datetime
    given_at: datetime
    given_by: str


class StagesOfReleases(Controller):
    """Stages that have requirements."""

    path = "/releases/{namespace:str}/{name:str}/stages/{stage:str}"
    tags = ("releases",)

    @post("/approve", status_code=200, **open_to(Role.APPROVER))
    async def approve(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        stage: DocumentInPath,
        data: JSONBody[NewApproval],
        areas: InAreas,
        actor: By,
        caller: Asking,
        moment: Now,
    ) -> GivenApproval:
        """Approve that a stage opens, on what is known now. Whoever wrote it cannot, and nobody counts twice."""
        release = f"{namespace}/{name}"
        word = _word(caller, data.cannot_be_undone, moment)
        given = await areas.openings.approve(actor, release, stage, moment, word=word, basis=data.basis or "")
        return GivenApproval(
            id=given.id,
            release=release,
            stage=stage,
            digest=given.stage,
            basis=given.basis,
            given_at=shown(given.given_at),
            given_by=given.given_by,
        )

    @post("/concur", status_code=200, **open_to(Role.PROVIDER, Role.APPROVER))
    async def concur(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        stage: DocumentInPath,
        data: JSONBody[NewConcurrence],
        areas: InAreas,
        actor: By,
        caller: Asking,
        moment: Now,
    ) -> GivenConcurrence:
        """Record that an authority outside concurs with a stage as it stands, until an instant."""
        expires_at = instant_in(data.expires_at, "expires_at")
        assert expires_at is not None
        concurrence = Concurrence(
            id=f"concurrence_{secrets.token_hex(12)}",
            release=f"{namespace}/{name}",
            stage="",
            authority=data.authority,
            reference=data.reference,
            expires_at=expires_at,
            given_at=moment.latest,
            given_by=actor.key,
            organisation=actor.organisation,
        )
        word = _word(caller, data.cannot_be_undone, moment)
        given = await areas.openings.concur(actor, stage, concurrence, moment, word=word)
        return GivenConcurrence(
            id=given.id,
            release=given.release,
            stage=stage,
            digest=given.stage,
            authority=given.authority,
            reference=given.reference,
            expires_at=shown(given.expires_at),
            given_at=shown(given.given_at),
            given_by=given.given_by,
        )


def _word(caller: Caller, acknowledged: bool, moment: Moment) -> Word:
    return Word(roles=caller.roles, acknowledged=acknowledged, signed_in_s=caller.signed_in_s(moment))
